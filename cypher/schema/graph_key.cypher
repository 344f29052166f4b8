// name: schema/graph_key
// Every :Graph (the one node that writers lock and readers check) has a key of its own.
CREATE CONSTRAINT graph_key IF NOT EXISTS FOR (n:Graph) REQUIRE n.key IS UNIQUE
