package agentproto

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"vz.internal/vzcontract"
)

// The methods of vzcontract.FileManager.
const (
	MethodContainerListDir    = "container.list_dir"    // ContainerPath, Transfer: PathStat, one JSON value a line
	MethodContainerMakeDir    = "container.make_dir"    // ContainerMakeDir, none
	MethodContainerRemovePath = "container.remove_path" // ContainerPath, none
	MethodContainerMovePath   = "container.move_path"   // ContainerMove, none
)

// MethodContainerWatch is that of vzcontract.FileWatcher.
const MethodContainerWatch = "container.watch" // ContainerWatch, Transfer: FileEvent, one JSON value a line

// A Name is a path or a name of a file, of any bytes. In JSON it is a string, or
// {"bytes": base64} if it is not UTF-8, which a string would not keep.
type Name string

type nameBytes struct {
	Bytes []byte `json:"bytes"`
}

// MarshalJSON implements json.Marshaler.
func (n Name) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(n)) {
		return json.Marshal(string(n))
	}
	return json.Marshal(nameBytes{[]byte(n)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Name) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var raw nameBytes
		err := json.Unmarshal(b, &raw)
		*n = Name(raw.Bytes)
		return err
	}
	return json.Unmarshal(b, (*string)(n))
}

// A PathStat is a vzcontract.PathStat with names of any bytes.
type PathStat struct {
	vzcontract.PathStat
	Name       Name `json:"name"`
	LinkTarget Name `json:"linkTarget,omitempty"`
}

// WirePathStat returns stat as it crosses the wire. A time that JSON does not know, of
// the year 10000 say, is left out.
func WirePathStat(stat vzcontract.PathStat) PathStat {
	if year := stat.ModTime.UTC().Year(); year < 0 || year > 9999 {
		stat.ModTime = time.Time{}
	}
	return PathStat{PathStat: stat, Name: Name(stat.Name), LinkTarget: Name(stat.LinkTarget)}
}

// Stat returns what crossed the wire.
func (s PathStat) Stat() vzcontract.PathStat {
	stat := s.PathStat
	stat.Name, stat.LinkTarget = string(s.Name), string(s.LinkTarget)
	return stat
}

// A ContainerPath is a path in a container's root.
type ContainerPath struct {
	Container
	Path Name `json:"path"`
}

// A ContainerMakeDir makes a directory.
type ContainerMakeDir struct {
	ContainerPath
	Mode uint32 `json:"mode"` // the bits of chmod
}

// A ContainerMove gives what is at the path another one.
type ContainerMove struct {
	ContainerPath
	To Name `json:"to"`
}

// A ContainerWatch watches a path.
type ContainerWatch struct {
	ContainerPath
	Options vzcontract.WatchOptions `json:"options"`
}

// A FileEvent is a vzcontract.FileEvent with paths of any bytes.
type FileEvent struct {
	vzcontract.FileEvent
	Path Name `json:"path"`
	From Name `json:"from,omitempty"`
}

// WireFileEvent returns e as it crosses the wire.
func WireFileEvent(e vzcontract.FileEvent) FileEvent {
	return FileEvent{FileEvent: e, Path: Name(e.Path), From: Name(e.From)}
}

// Event returns what crossed the wire.
func (e FileEvent) Event() vzcontract.FileEvent {
	event := e.FileEvent
	event.Path, event.From = string(e.Path), string(e.From)
	return event
}
