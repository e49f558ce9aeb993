// Package vzstack runs Compose projects on any backend of vzcontract.
//
// Package compose reads the files, package plan says what has to be done, and a
// [Stack] does it: steps run side by side as far as the graph of dependencies
// allows, and what a service waits for is waited for with the backend's Wait
// and events, never by polling.
//
// # State
//
// What belongs to a project is found by the labels of its containers, networks
// and volumes, which are part of their own records; so whatever point an
// earlier command was killed at, the next one sees what there is and converges.
// Besides, a project has a directory below the state directory: lock, held
// while something is changed; project.json, the source it came from; files/,
// what secrets and configs need on the host.
//
// That is one small document a project, written whole and rarely, so it is
// JSON under flock and no database: SQLite (modernc.org) would cost each start
// 1.3 ms for being linked and 1.5 ms for being opened, and 8 MB of program.
package vzstack
