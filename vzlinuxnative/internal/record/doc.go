// Package record keeps what is known of containers: one directory for each,
// with config.json, which never changes, state.json, which says what has become
// of it, and a lock. Any process may read and change a record; changes are made
// under the lock, which dies with the process that holds it.
//
// A record is written before the thing that it describes is done. Names are
// symbolic links to ids in a directory of their own, so a name is taken by one
// system call.
package record
