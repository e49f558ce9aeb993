package vztest

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Leaks lists mounts, processes, control groups and network interfaces that
// belong to the home.
func (h *Home) Leaks() (leaks []string) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, h.Dir+"/") {
			leaks = append(leaks, "mount "+strings.TrimSpace(line))
		}
	}
	for _, p := range h.Processes() {
		leaks = append(leaks, "process "+p.Pid+" "+p.Command)
	}
	entries, err := os.ReadDir(filepath.Join(h.Home(), "containers"))
	if err == nil {
		for _, e := range entries {
			leaks = append(leaks, "record of container "+e.Name())
		}
	}
	for _, id := range h.seen() {
		leaks = append(leaks, cgroups(id)...)
	}
	return append(leaks, h.interfaces()...)
}

// interfaces lists those that carry the mark of the home's networks.
func (h *Home) interfaces() (list []string) {
	sum := sha256.Sum256([]byte(filepath.Join(h.Home(), "networks")))
	mark := "vz:" + hex.EncodeToString(sum[:6]) + ":"
	files, err := filepath.Glob("/sys/class/net/*/ifalias")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range files {
		alias, err := os.ReadFile(f)
		if err == nil && strings.HasPrefix(string(alias), mark) { // else it has gone meanwhile
			list = append(list, "interface "+filepath.Base(filepath.Dir(f)))
		}
	}
	return list
}

// A Process is one of the host.
type Process struct{ Pid, Command string }

// Processes lists what runs with the home in its environment or arguments:
// monitors and commands, but not what runs in containers.
func (h *Home) Processes() (list []Process) {
	files, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, dir := range files {
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue // ended meanwhile
		}
		environment, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil {
			continue
		}
		if strings.Contains(string(command)+string(environment), h.Dir+"/") {
			text := strings.ReplaceAll(strings.TrimRight(string(command), "\x00"), "\x00", " ")
			list = append(list, Process{Pid: filepath.Base(dir), Command: text})
		}
	}
	return list
}

// Settle waits for the processes of the home to end that are on their way out:
// a monitor ends after the vz that it served, what keeps an ordinary user's session and
// network some seconds after all others. Those that stay are leaks.
func (h *Home) Settle() {
	for range 200 {
		if len(h.Processes()) == 0 {
			return
		}
		<-time.After(50 * time.Millisecond) // not ours, so nothing tells their end
	}
}

// seen returns the ids of containers that were told to the test; those of
// commands in passing cannot be known.
func (h *Home) seen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ids
}

// cgroups lists the control groups whose names contain the id.
func cgroups(id string) (list []string) {
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(d.Name(), id) {
			list = append(list, "cgroup "+path)
		}
		return nil // what cannot be read is on its way out
	})
	return list
}
