package volume

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// options are those of the local driver, understood.
type options struct {
	bind  string // a directory of the host that stands for the volume
	tmpfs bool
	flags uintptr
	data  string
}

var mountFlags = map[string]uintptr{
	"noexec": unix.MS_NOEXEC, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noatime": unix.MS_NOATIME, "ro": unix.MS_RDONLY,
	"exec": 0, "suid": 0, "dev": 0, "rw": 0, "defaults": 0,
}

// parseOptions reads the options type, o and device.
func parseOptions(given map[string]string) (options, error) {
	var o options
	for key := range given {
		if key != "type" && key != "o" && key != "device" {
			return o, vzcontract.Errorf(vzcontract.ErrUnsupported, "option %q: the local driver takes type, o and device", key)
		}
	}
	if len(given) == 0 {
		return o, nil
	}
	bind := given["type"] == "bind"
	var data []string
	for word := range strings.SplitSeq(given["o"], ",") {
		flag, known := mountFlags[word]
		switch {
		case word == "":
		case word == "bind" || word == "rbind":
			bind = true
		case known:
			o.flags |= flag
		default:
			data = append(data, word)
		}
	}
	o.data = strings.Join(data, ",")
	switch {
	case bind && (given["type"] == "none" || given["type"] == "bind" || given["type"] == ""):
		o.bind = given["device"]
		if !filepath.IsAbs(o.bind) {
			return o, fmt.Errorf("a bind needs an absolute device, not %q", o.bind)
		}
		if o.flags != 0 || o.data != "" {
			return o, vzcontract.Errorf(vzcontract.ErrUnsupported, "o=%s: only bind; say read-only where the volume is used", given["o"])
		}
	case given["type"] == "tmpfs":
		o.tmpfs = true
	default:
		return o, vzcontract.Errorf(vzcontract.ErrUnsupported,
			"type %q: mount it on the host and use type=none,o=bind,device=DIRECTORY; tmpfs is the only other type", given["type"])
	}
	return o, nil
}
