package ocispec

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
)

// tmpfsFlags are the options without a value that a tmpfs takes, each with
// its opposite.
var tmpfsFlags = map[string]string{
	"ro": "rw", "rw": "ro", "noexec": "exec", "exec": "noexec", "nosuid": "suid", "suid": "nosuid",
	"nodev": "dev", "dev": "nodev", "noatime": "atime", "atime": "noatime", "relatime": "norelatime",
	"norelatime": "relatime", "nodiratime": "diratime", "diratime": "nodiratime", "strictatime": "nostrictatime",
	"nostrictatime": "strictatime", "sync": "async", "async": "sync",
}

var tmpfsValue = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^((size|nr_blocks|nr_inodes)=\d+[kKmMgG%]?|(mode|uid|gid)=\d+|huge=(never|always|within_size|advise))$`)
})

// tmpfs returns the mount with Docker's defaults (noexec, nosuid, nodev, mode
// 1777); later options win over earlier and default ones.
func tmpfs(m vzcontract.Mount, target string) (specs.Mount, error) {
	options := []string{"noexec", "nosuid", "nodev"}
	if m.TmpfsSize < 0 {
		return specs.Mount{}, invalid("tmpfs %s: size %d is negative", target, m.TmpfsSize)
	}
	if m.ReadOnly {
		options = append(options, "ro")
	}
	for _, o := range m.TmpfsOptions {
		opposite, flag := tmpfsFlags[o]
		if !flag && !tmpfsValue().MatchString(o) {
			return specs.Mount{}, invalid("tmpfs %s: option %q is unknown", target, o)
		}
		key, _, value := strings.Cut(o, "=")
		options = slices.DeleteFunc(options, func(have string) bool {
			return have == opposite || have == o || value && strings.HasPrefix(have, key+"=")
		})
		options = append(options, o)
	}
	if m.TmpfsSize > 0 {
		options = append(options, fmt.Sprintf("size=%d", m.TmpfsSize))
	}
	// Without a mode the engine takes that of the directory below, else 1777.
	given := slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "mode=") })
	if !given && m.TmpfsMode != 0 {
		options = append(options, fmt.Sprintf("mode=%o", m.TmpfsMode))
	}
	return specs.Mount{Destination: target, Type: "tmpfs", Source: "tmpfs", Options: options}, nil
}
