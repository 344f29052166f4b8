// name: read/frame_users
// Key and traits of every user that took a journey.
MATCH (u:User)
WHERE NOT u.excluded
RETURN u.key, u.traits
