package conformance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func hostProbes() []Probe {
	return []Probe{
		{Name: "mounts", Take: mountPoints},
		{Name: "cgroups", Take: cgroups},
		{Name: "interfaces", Take: func() ([]string, error) { return names("/sys/class/net") }},
		{Name: "network namespaces", Take: func() ([]string, error) { return names("/run/netns") }},
		{Name: "processes", Take: processes},
	}
}

// mountPoints returns "<mount point> <file system type>" of each mount.
func mountPoints() ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		before, after, ok := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		kind, _, _ := strings.Cut(after, " ")
		if ok && len(fields) > 4 {
			lines = append(lines, fields[4]+" "+kind)
		}
	}
	return lines, nil
}

// cgroups returns the directories of all hierarchies. One that goes while it
// is listed is not there.
func cgroups() ([]string, error) {
	var lines []string
	err := filepath.WalkDir("/sys/fs/cgroup", func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir():
			lines = append(lines, p)
		}
		return nil
	})
	return lines, err
}

func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = e.Name()
	}
	return lines, err
}

// processes returns "<pid> <arguments>" of each process but this one.
func processes() ([]string, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, file := range files {
		pid := filepath.Base(filepath.Dir(file))
		data, err := os.ReadFile(file)
		if err != nil || len(data) == 0 {
			continue // it ended meanwhile, or is a kernel thread or a zombie
		}
		lines = append(lines, pid+" "+strings.TrimSpace(strings.ReplaceAll(string(data), "\x00", " ")))
	}
	return lines, nil
}
