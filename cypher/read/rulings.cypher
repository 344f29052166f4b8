// name: read/rulings
// All decisions and erasures. Rows as `tables.DECISIONS` and `tables.ERASURES`, times in microseconds since 1970.
WITH localdatetime('1970-01-01') AS epoch
RETURN
  COLLECT {
    MATCH (d:Decision)
    RETURN [
      d.key, d.kind, d.a, d.b, d.reason,
      duration.inSeconds(epoch, d.decided_at).seconds * 1000000 + d.decided_at.microsecond
    ]
  } AS decisions,
  COLLECT {
    MATCH (e:Erasure)
    RETURN [
      e.key,
      duration.inSeconds(epoch, e.requested_at).seconds * 1000000 + e.requested_at.microsecond,
      duration.inSeconds(epoch, e.cutoff).seconds * 1000000 + e.cutoff.microsecond,
      e.events, e.version, e.check, e.identifiers, e.shared, e.users
    ]
  } AS erasures
