package cli

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// lines gives one line per joined error, each once.
func lines(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if ok && isJoin(err, joined.Unwrap()) {
		var all []string
		for _, e := range joined.Unwrap() {
			for _, line := range lines(e) {
				if !slices.Contains(all, line) {
					all = append(all, line)
				}
			}
		}
		return all
	}
	if errors.Is(err, vzcontract.ErrOutputLost) {
		return []string{command.OneLine(err.Error())} // the caller's file is where space is wanted
	}
	return []string{advise(command.OneLine(err.Error()))}
}

// isJoin reports whether err is nothing but its parts, as errors.Join makes it.
// An error with a class has parts too, which are not to be told one by one.
func isJoin(err error, parts []error) bool {
	var texts []string
	for _, e := range parts {
		texts = append(texts, e.Error())
	}
	return len(parts) > 0 && err.Error() == strings.Join(texts, "\n")
}

// advise adds the next step to what the kernel says of a full disk. The words
// are all there is to go by: the error may be another process's.
func advise(line string) string {
	full := strings.Contains(line, syscall.ENOSPC.Error()) || strings.Contains(line, syscall.EDQUOT.Error())
	if !full || strings.Contains(line, "the disk is full") || otherSpace(line) {
		return line
	}
	return line + "; the disk is full: free some space, as with vz system prune, or point VZ_HOME and VZ_RUN to a larger one"
}

// otherSpace reports that a limit of the kernel is meant, and no disk.
func otherSpace(line string) bool {
	return strings.Contains(line, "/sys/") || strings.Contains(line, "inotify") || strings.Contains(line, "namespace")
}
