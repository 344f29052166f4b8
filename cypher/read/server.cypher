// name: read/server
// Name and version of the server.
CALL dbms.components() YIELD name, versions
WHERE name = 'Neo4j Kernel'
RETURN 'Neo4j ' + versions[0] AS server
