// name: write/load_channels
// Creates the channels of a first load.
//   $rows  list of maps: key, name, kind
UNWIND $rows AS row
CREATE (c:Channel)
SET c = row
