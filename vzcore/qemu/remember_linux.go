package qemu

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A memo is a file of what was found out about a program. It counts until the host
// restarts or the program is another one.
type memo struct {
	Boot    string          `json:"boot_id"`
	Program string          `json:"program"` // with its modification time
	What    json.RawMessage `json:"what"`
}

func (d *Driver) memo(name string) string {
	return filepath.Join(d.run, name+"-"+d.arch.name+".json")
}

// recall reads what was remembered under a name and tells whether it still counts.
func (d *Driver) recall(name string, what any) bool {
	if d.run == "" {
		return false
	}
	text, err := os.ReadFile(d.memo(name))
	var m memo
	return err == nil && json.Unmarshal(text, &m) == nil && m.Boot == bootID() && m.Program == d.stamp() && json.Unmarshal(m.What, what) == nil
}

// remember keeps what was found out. That it could not only costs time.
func (d *Driver) remember(name string, what any) {
	if d.run == "" {
		return
	}
	m := memo{Boot: bootID(), Program: d.stamp()}
	var err error
	if m.What, err = json.Marshal(what); err != nil {
		return
	}
	text, err := json.Marshal(m)
	if err != nil || os.MkdirAll(d.run, 0o700) != nil {
		return
	}
	next := fmt.Sprintf("%s.%d", d.memo(name), os.Getpid())
	if os.WriteFile(next, text, 0o600) == nil {
		_ = os.Rename(next, d.memo(name))
	}
}

func (d *Driver) stamp() string {
	info, err := os.Stat(d.program)
	if err != nil {
		return d.program
	}
	return fmt.Sprintf("%s %d", d.program, info.ModTime().UnixNano())
}

func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
