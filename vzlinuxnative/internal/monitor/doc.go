// Package monitor is the process beside a running container: its parent, the
// owner of its streams, log, mounts and addresses, and the one who records how
// it ended and starts it again if it should.
//
// There is one for each running container. It begins with the container's
// start, in a session and a mount namespace of its own, serves requests on a
// socket (package wire), and ends when the container has stopped and no restart
// follows. It holds a lock (record's "monitor.lock") all the while: whoever can
// take that lock knows that no monitor lives.
package monitor
