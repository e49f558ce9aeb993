package runflags

import (
	"path"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
)

// ParseVolume reads one value of --volume: [SOURCE:]TARGET[:OPTIONS]. A source
// with a slash is a path of the host, made when missing; another is a volume.
func ParseVolume(flag, s string) (vzcontract.Mount, error) {
	m := vzcontract.Mount{Type: vzcontract.MountVolume}
	parts := strings.Split(s, ":")
	options := ""
	switch len(parts) {
	case 1:
		m.Target = parts[0]
	case 2:
		m.Source, m.Target = parts[0], parts[1]
		if !strings.HasPrefix(parts[1], "/") && strings.HasPrefix(parts[0], "/") && volumeOptions(parts[1]) {
			m.Source, m.Target, options = "", parts[0], parts[1] // -v /target:ro
		}
	case 3:
		m.Source, m.Target, options = parts[0], parts[1], parts[2]
	default:
		return m, bad(flag, s, "want [SOURCE:]TARGET[:OPTIONS]; use --mount for paths with a colon")
	}
	if len(parts) > 1 && m.Source == "" && options == "" {
		return m, bad(flag, s, "the source is empty")
	}
	if err := target(flag, s, &m); err != nil {
		return m, err
	}
	if err := volumeSource(flag, s, &m); err != nil {
		return m, err
	}
	return m, applyVolumeOptions(flag, s, &m, options)
}

// target checks and cleans the path in the container.
func target(flag, s string, m *vzcontract.Mount) error {
	if !path.IsAbs(m.Target) {
		return bad(flag, s, "the target %q is not an absolute path in the container", m.Target)
	}
	if m.Target = path.Clean(m.Target); m.Target == "/" {
		return bad(flag, s, "the target cannot be /")
	}
	return nil
}

func volumeSource(flag, s string, m *vzcontract.Mount) error {
	switch {
	case m.Source == "":
	case filepath.IsAbs(m.Source):
		m.Type, m.CreateSource = vzcontract.MountBind, true
		m.Source = filepath.Clean(m.Source)
	case strings.HasPrefix(m.Source, ".") && (m.Source == "." || m.Source == ".." ||
		strings.HasPrefix(m.Source, "./") || strings.HasPrefix(m.Source, "../")):
		abs, err := filepath.Abs(m.Source)
		if err != nil {
			return bad(flag, s, "%v", err)
		}
		m.Type, m.Source, m.CreateSource = vzcontract.MountBind, abs, true
	case !vzcontract.ValidName(m.Source):
		return bad(flag, s, "%q is no name for a volume ([a-zA-Z0-9][a-zA-Z0-9_.-]*); a path of the host starts with / or ./", m.Source)
	}
	return nil
}

var knownVolumeOptions = map[string]string{
	"ro": "mode", "rw": "mode", "readonly": "mode", "z": "label", "Z": "label", "nocopy": "copy", "volume-nocopy": "copy",
	"private": "propagation", "rprivate": "propagation", "shared": "propagation", "rshared": "propagation",
	"slave": "propagation", "rslave": "propagation", "bind": "recursion", "rbind": "recursion",
	"consistent": "consistency", "cached": "consistency", "delegated": "consistency", "default": "consistency",
}

func volumeOptions(s string) bool {
	for _, o := range strings.Split(s, ",") {
		if knownVolumeOptions[o] == "" {
			return false
		}
	}
	return true
}

func applyVolumeOptions(flag, s string, m *vzcontract.Mount, options string) error {
	if options == "" {
		return nil
	}
	seen := map[string]string{}
	for _, o := range strings.Split(options, ",") {
		kind := knownVolumeOptions[o]
		if kind == "" {
			return bad(flag, s, "unknown option %q", o)
		}
		if before := seen[kind]; before != "" {
			return bad(flag, s, "options %s and %s exclude each other", before, o)
		}
		seen[kind] = o
		switch kind {
		case "mode":
			m.ReadOnly = o != "rw"
		case "label":
			m.Relabel = o
		case "copy":
			m.NoCopy = true
		case "propagation":
			m.Propagation = o
		case "recursion":
			m.NonRecursive = o == "bind"
		}
	}
	if m.Type == vzcontract.MountBind && m.NoCopy {
		return bad(flag, s, "nocopy is for volumes, %s is a path of the host", m.Source)
	}
	if m.Type == vzcontract.MountVolume && m.Propagation != "" {
		return bad(flag, s, "propagation is for paths of the host, not for volumes")
	}
	return nil
}

// ParseTmpfs reads one value of --tmpfs: TARGET[:OPTIONS].
func ParseTmpfs(flag, s string) (vzcontract.Mount, error) {
	m := vzcontract.Mount{Type: vzcontract.MountTmpfs}
	var options string
	m.Target, options, _ = strings.Cut(s, ":")
	if err := target(flag, s, &m); err != nil {
		return m, err
	}
	for _, o := range strings.Split(options, ",") {
		key, value, _ := strings.Cut(o, "=")
		var err error
		switch key {
		case "":
		case "ro":
			m.ReadOnly = true
		case "rw":
			m.ReadOnly = false
		case "size":
			if strings.HasSuffix(value, "%") {
				m.TmpfsOptions = append(m.TmpfsOptions, o)
			} else {
				m.TmpfsSize, err = size(flag, value)
			}
		case "mode":
			m.TmpfsMode, err = fileMode(flag, value)
		default:
			m.TmpfsOptions = append(m.TmpfsOptions, o)
		}
		if err != nil {
			return m, err
		}
	}
	return m, nil
}
