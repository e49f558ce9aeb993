package libct

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// execFailure matches what os/exec.LookPath says in the init, which reaches us
// as text only: `exec: "foo": executable file not found in $PATH`, or with
// `stat /foo: no such file or directory` and the like for a path.
var execFailure = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`exec: ("(?:[^"\\]|\\.)*"): (.*)$`) })

// startError gives an error of libcontainer its class and strips what
// surrounds the reason.
func startError(err error) error {
	text := err.Error()
	if strings.Contains(text, unix.EMFILE.Error()) {
		return vzcontract.Errorf(vzcontract.ErrValidation,
			"the limit on open files (ulimit nofile) is too low to make a container by way of libcontainer; give 64 or more")
	}
	m := execFailure().FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("start: %s", innermost(text))
	}
	name, why := m[1], m[2]
	if i := strings.LastIndex(why, ": "); i >= 0 {
		why = why[i+2:]
	}
	class := vzcontract.ErrCannotExec
	switch why {
	case "executable file not found in $PATH", "no such file or directory", "not a directory":
		class = vzcontract.ErrNoSuchProgram
	}
	return vzcontract.Errorf(class, "exec %s: %s", name, why)
}

// innermost drops the words that libcontainer wraps around every failure.
func innermost(text string) string {
	for _, prefix := range []string{
		"unable to start container process: ", "error during container init: ",
		"unable to create new parent process: ", "error setting cgroup config for procHooks process: ",
	} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}
