// name: write/drop_bare_channels
// Removes those of some channels that no touchpoint came by any more.
//   $keys  list of strings
UNWIND $keys AS key
MATCH (c:Channel {key: key})
WHERE NOT EXISTS { (c)<-[:VIA]-() }
DELETE c
