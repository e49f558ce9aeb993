package runflags

import (
	"encoding/csv"
	"path/filepath"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

// ParseMount reads one value of --mount: KEY=VALUE fields in CSV.
func ParseMount(flag, s string) (vzcontract.Mount, error) {
	m := vzcontract.Mount{Type: vzcontract.MountVolume}
	if s == "" {
		return m, bad(flag, `""`, "the value is empty")
	}
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return m, bad(flag, s, "not comma-separated fields: %v", err)
	}
	for _, field := range fields {
		key, value, has := strings.Cut(field, "=")
		if err := mountKey(flag, s, &m, strings.ToLower(strings.TrimSpace(key)), value, has); err != nil {
			return m, err
		}
	}
	if m.Target == "" {
		return m, bad(flag, s, "target= is missing")
	}
	if err := target(flag, s, &m); err != nil {
		return m, err
	}
	return m, checkMount(flag, s, &m)
}

func mountKey(flag, s string, m *vzcontract.Mount, key, value string, has bool) (err error) {
	switch key {
	case "readonly", "ro", "volume-nocopy", "bind-nonrecursive":
		on := true
		if has {
			if on, err = strconv.ParseBool(value); err != nil {
				return bad(flag, s, "%s=%s: want true or false", key, value)
			}
		}
		switch key {
		case "volume-nocopy":
			m.NoCopy = on
		case "bind-nonrecursive":
			m.NonRecursive = on
		default:
			m.ReadOnly = on
		}
		return nil
	}
	if !has || value == "" {
		return bad(flag, s, "%q: want KEY=VALUE", key)
	}
	switch key {
	case "type":
		m.Type = vzcontract.MountType(strings.ToLower(value))
	case "source", "src":
		m.Source = value
	case "target", "dst", "destination":
		m.Target = value
	case "consistency":
	case "bind-propagation":
		if knownVolumeOptions[value] != "propagation" {
			return bad(flag, s, "bind-propagation=%s: want [r]private, [r]shared or [r]slave", value)
		}
		m.Propagation = value
	case "bind-recursive":
		switch value {
		case "enabled":
		case "disabled":
			m.NonRecursive = true
		case "writable", "readonly":
			return refuse(flag, s, "bind-recursive takes enabled or disabled")
		default:
			return bad(flag, s, "bind-recursive=%s: want enabled or disabled", value)
		}
	case "bind-create-src":
		if m.CreateSource, err = strconv.ParseBool(value); err != nil {
			return bad(flag, s, "%s=%s: want true or false", key, value)
		}
	case "volume-subpath", "image-subpath", "subpath":
		m.Subpath = value
	case "volume-driver":
		m.VolumeDriver = value
	case "volume-label":
		k, v, _ := strings.Cut(value, "=")
		m.VolumeLabels = put(m.VolumeLabels, k, v)
	case "volume-opt":
		k, v, ok := strings.Cut(value, "=")
		if !ok {
			return bad(flag, s, "volume-opt=%s: want volume-opt=KEY=VALUE", value)
		}
		m.VolumeOptions = put(m.VolumeOptions, k, v)
	case "tmpfs-size":
		m.TmpfsSize, err = size(flag, value)
	case "tmpfs-mode":
		m.TmpfsMode, err = fileMode(flag, value)
	case "relabel":
		switch value {
		case "shared":
			m.Relabel = "z"
		case "private":
			m.Relabel = "Z"
		default:
			return bad(flag, s, "relabel=%s: want shared or private", value)
		}
	default:
		return bad(flag, s, "unknown key %q", key)
	}
	return err
}

// checkMount refuses keys that do not belong to the type.
func checkMount(flag, s string, m *vzcontract.Mount) error {
	kind := m.Type
	only := func(set bool, key string, types ...vzcontract.MountType) error {
		for _, t := range types {
			if t == kind {
				return nil
			}
		}
		if set {
			return bad(flag, s, "%s does not belong to type %s", key, kind)
		}
		return nil
	}
	switch kind {
	case vzcontract.MountBind, vzcontract.MountImage:
		if m.Source == "" {
			return bad(flag, s, "source= is missing")
		}
	case vzcontract.MountTmpfs:
		if m.Source != "" {
			return bad(flag, s, "source= does not belong to type tmpfs")
		}
	case vzcontract.MountVolume:
		if m.Source != "" && !vzcontract.ValidName(m.Source) {
			return bad(flag, s, "%q is no name for a volume; a path of the host needs type=bind", m.Source)
		}
	case "npipe", "cluster":
		return refuse(flag, s, "mounts of type "+string(kind)+" do not exist on Linux without Swarm")
	default:
		return bad(flag, s, "unknown type %q; known are bind, volume, tmpfs and image", kind)
	}
	if kind == vzcontract.MountBind {
		abs, err := filepath.Abs(m.Source)
		if err != nil {
			return bad(flag, s, "%v", err)
		}
		m.Source = abs
	}
	for _, err := range []error{
		only(m.Propagation != "" || m.NonRecursive || m.CreateSource || m.Relabel != "", "a bind option", vzcontract.MountBind),
		only(m.NoCopy || m.VolumeDriver != "" || m.VolumeLabels != nil || m.VolumeOptions != nil, "a volume option", vzcontract.MountVolume),
		only(m.Subpath != "", "subpath", vzcontract.MountVolume, vzcontract.MountImage),
		only(m.TmpfsSize != 0 || m.TmpfsMode != 0, "a tmpfs option", vzcontract.MountTmpfs),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func fileMode(flag, s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o7777 {
		return 0, bad(flag, s, "want an octal file mode such as 1777")
	}
	return uint32(n), nil
}

func put(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}
