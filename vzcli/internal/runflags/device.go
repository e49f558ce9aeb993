package runflags

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"vz.internal/vzcontract"
)

var deviceRule = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[abc] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$`) })

// ParseDevice reads HOST[:CONTAINER[:rwm]] or HOST:rwm.
func ParseDevice(flag, s string) (vzcontract.Device, error) {
	parts := strings.Split(s, ":")
	d := vzcontract.Device{HostPath: parts[0], Permissions: "rwm"}
	if !path.IsAbs(d.HostPath) {
		if strings.Contains(s, "=") {
			return d, refuse(flag, s, "vz does not read CDI specifications; give the device files themselves")
		}
		return d, bad(flag, s, "want an absolute path below /dev")
	}
	switch len(parts) {
	case 1:
	case 2:
		if permissions(parts[1]) {
			d.Permissions = parts[1]
		} else {
			d.ContainerPath = parts[1]
		}
	case 3:
		d.ContainerPath, d.Permissions = parts[1], parts[2]
	default:
		return d, bad(flag, s, "want HOST[:CONTAINER[:rwm]]")
	}
	if d.ContainerPath != "" && !path.IsAbs(d.ContainerPath) {
		return d, bad(flag, s, "want an absolute path in the container, not %q", d.ContainerPath)
	}
	if !permissions(d.Permissions) {
		return d, bad(flag, s, "want permissions of r, w and m, not %q", d.Permissions)
	}
	return d, nil
}

func permissions(s string) bool {
	if s == "" {
		return false
	}
	seen := ""
	for _, r := range s {
		if !strings.ContainsRune("rwm", r) || strings.ContainsRune(seen, r) {
			return false
		}
		seen += string(r)
	}
	return true
}

func cgroupRule(flag, s string) (string, error) {
	if !deviceRule().MatchString(s) {
		return "", bad(flag, s, "want 'TYPE MAJOR:MINOR rwm', such as 'c 1:3 rwm'")
	}
	return s, nil
}
