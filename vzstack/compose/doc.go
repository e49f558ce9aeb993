// Package compose reads Compose files and says what they ask of a backend.
//
// [Load] parses with compose-go, which does interpolation, merging, include,
// extends and profiles. [Project.Check] compares every key that a file uses
// with the table [Keys]: each key of the Compose schema is honoured, refused
// with the reason, or noted, which means that it changes nothing on one host
// (as with docker compose) and that a notice says so. [Project.Desired]
// translates what is left into the types of vzcontract.
package compose
