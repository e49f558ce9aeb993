//go:build linux

package userdb

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

const (
	// maxID is the last id: Docker's bound, and what fits every interface.
	maxID = math.MaxInt32
	// maxFile bounds each file.
	maxFile = 4 << 20
)

type passwdEntry struct {
	name     string
	uid, gid uint32
	home     string
}

type groupEntry struct {
	name    string
	gid     uint32
	members []string
}

func readBounded(r io.Reader, path string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read /%s of the image: %w", path, err)
	}
	if len(b) > maxFile {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "/%s of the image is larger than %d MiB", path, maxFile>>20)
	}
	return b, nil
}

// parsePasswd returns the well-formed entries: name:password:uid:gid:comment:home:shell.
func parsePasswd(b []byte) []passwdEntry {
	var out []passwdEntry
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 7)
		if len(f) < 4 || !validName(f[0]) {
			continue
		}
		uid, uerr := parseID(f[2])
		gid, gerr := parseID(f[3])
		if uerr != nil || gerr != nil {
			continue
		}
		e := passwdEntry{name: f[0], uid: uid, gid: gid}
		if len(f) > 5 && strings.HasPrefix(f[5], "/") && !strings.ContainsRune(f[5], 0) {
			e.home = f[5]
		}
		out = append(out, e)
	}
	return out
}

// parseGroup returns the well-formed entries: name:password:gid:member,member.
func parseGroup(b []byte) []groupEntry {
	var out []groupEntry
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 4)
		if len(f) < 3 || !validName(f[0]) {
			continue
		}
		gid, err := parseID(f[2])
		if err != nil {
			continue
		}
		e := groupEntry{name: f[0], gid: gid}
		if len(f) > 3 && f[3] != "" {
			e.members = strings.Split(f[3], ",")
		}
		out = append(out, e)
	}
	return out
}

func validName(s string) bool { return s != "" && s[0] != '#' && s[0] != '+' && s[0] != '-' }

// parseID parses a decimal id without sign.
func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n > maxID {
		err = strconv.ErrRange
	}
	return uint32(n), err
}
