package pack

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/overlay"
)

// AttributePrefix is that of extended attributes among an entry's PAX records.
const AttributePrefix = "SCHILY.xattr."

// Portable reports whether an extended attribute belongs to the file, and not
// to the host that keeps it.
func Portable(name string) bool {
	return name == "security.capability" || strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, overlay.Prefix())
}

// Attributes returns the portable attributes of what is open as fd, which may
// be open with O_PATH, as PAX records.
func Attributes(fd int) (map[string]string, error) {
	name := "/proc/self/fd/" + strconv.Itoa(fd)
	list := make([]byte, 1024)
	n, err := unix.Listxattr(name, list)
	if errors.Is(err, unix.ERANGE) {
		list = make([]byte, 64<<10)
		n, err = unix.Listxattr(name, list)
	}
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ELOOP): // a link
		return nil, nil
	case err != nil:
		return nil, err
	}
	var records map[string]string
	for raw := range bytes.SplitSeq(list[:n], []byte{0}) {
		key := string(raw)
		if !Portable(key) || strings.Contains(key, "=") { // a record cannot have that name
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Getxattr(name, key, value)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if records == nil {
			records = map[string]string{}
		}
		records[AttributePrefix+key] = string(value[:n])
	}
	return records, nil
}
