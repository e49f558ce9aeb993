// Package vmrecord keeps what vz knows of its virtual machines: a directory for
// each with its configuration, what has become of it, and a lock that the process
// holds which runs it. A lock dies with its process, so that a record that says
// "running" and has a free lock is one that nobody runs: an orphan.
package vmrecord
