// Package devenv runs the development environment that a project's vz.json
// describes: one long-lived container of any backend, in which programs are
// executed.
//
// The container is named after the project's directory and has labels that say
// which project it belongs to and from which state of vz.json it was made
// ([LabelProject], [LabelDigest]). All else is looked up each time: there is no
// record that could be wrong, and what was killed in the middle is finished or
// thrown away by the next [Manager.Ensure].
//
// Programs run as the owner of the project's directory, so that what they make in
// the workspace belongs to whoever the project belongs to, also where vz runs as
// root or by sudo.
package devenv
