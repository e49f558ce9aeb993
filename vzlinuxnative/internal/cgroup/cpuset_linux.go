package cgroup

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"

	"vz.internal/vzcontract"
)

// maxCPU bounds the numbers in a list: no kernel has more processors or nodes.
const maxCPU = 1 << 13

// A set is sorted numbers of processors or memory nodes.
type set []int

// parseSet reads a list such as 0-3,7.
func parseSet(list string) (set, bool) {
	var s set
	for part := range strings.SplitSeq(list, ",") {
		low, high, ranged := strings.Cut(part, "-")
		if !ranged {
			high = low
		}
		from, err := strconv.ParseUint(low, 10, 32)
		to, err2 := strconv.ParseUint(high, 10, 32)
		if err != nil || err2 != nil || from > to || to >= maxCPU {
			return nil, false
		}
		for n := from; n <= to; n++ {
			s = append(s, int(n))
		}
	}
	slices.Sort(s)
	return slices.Compact(s), true
}

// without returns what of s is not in t.
func (s set) without(t set) set {
	return slices.DeleteFunc(slices.Clone(s), func(n int) bool {
		_, found := slices.BinarySearchFunc(t, n, cmp.Compare[int])
		return found
	})
}

func (s set) String() string {
	var parts []string
	for i := 0; i < len(s); {
		j := i
		for j+1 < len(s) && s[j+1] == s[j]+1 {
			j++
		}
		part := strconv.Itoa(s[i])
		if j > i {
			part += "-" + strconv.Itoa(s[j])
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ",")
}

// checkSet refuses a list that is none or names what the host has not. kind is
// "cpus" or "mems".
func (h Host) checkSet(kind, list string) error {
	if list == "" {
		return nil
	}
	limit := "cpuset " + kind
	want, ok := parseSet(list)
	if !ok {
		return invalid("%s %q: give a list such as 0-3,7", limit, list)
	}
	if err := h.need("cpuset", limit); err != nil {
		return err
	}
	have, ok := parseSet(h.Available(kind))
	if missing := want.without(have); ok && len(missing) > 0 {
		what := "processor"
		if kind == "mems" {
			what = "memory node"
		}
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s %s: this host has no %s %s; available are %s", limit, list, what, missing, have)
	}
	return nil
}

// available returns the list of processors or memory nodes that groups may
// use, "" where the host does not tell.
func available(kind string) string {
	files := []string{"/sys/fs/cgroup/cpuset." + kind + ".effective"}
	if !cgroups.IsCgroup2UnifiedMode() {
		dir := mountpoint("cpuset")
		files = []string{filepath.Join(dir, "cpuset.effective_"+kind), filepath.Join(dir, "cpuset."+kind)}
	}
	if kind == "cpus" {
		files = append(files, "/sys/devices/system/cpu/online")
	} else {
		files = append(files, "/sys/devices/system/node/online")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if list := strings.TrimSpace(string(b)); err == nil && list != "" {
			return list
		}
	}
	return ""
}
