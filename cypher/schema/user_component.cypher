// name: schema/user_component
// Finds the users of a raw component, which a batch derives anew.
CREATE INDEX user_component IF NOT EXISTS FOR (n:User) ON (n.component)
