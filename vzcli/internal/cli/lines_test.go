package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"vz.internal/vzcontract"
)

func TestLines(t *testing.T) {
	one, two := errors.New("one"), errors.New("two\nlines")
	full := &fs.PathError{Op: "write", Path: "/home/state.json", Err: syscall.ENOSPC}
	const next = "; the disk is full: free some space, as with vz system prune, or point VZ_HOME and VZ_RUN to a larger one"
	tests := []struct {
		in   error
		want []string
	}{
		{one, []string{"one"}},
		{two, []string{"two lines"}},
		{errors.Join(one, two, one), []string{"one", "two lines"}},
		{errors.Join(errors.Join(one, two), errors.New("three")), []string{"one", "two lines", "three"}},
		{vzcontract.Errorf(vzcontract.ErrUnavailable, "it is %w", errors.Join(one, two)), []string{"it is one two lines"}},
		{&vzcontract.Error{Op: "tag", Kind: "image", Name: "a", Class: vzcontract.ErrUnavailable, Err: two}, []string{"tag image a: two lines"}},
		{fmt.Errorf("create container: %w", full), []string{"create container: write /home/state.json: no space left on device" + next}},
		{fmt.Errorf("the disk is full (%w); free some", full), []string{"the disk is full (write /home/state.json: no space left on device); free some"}},
		{vzcontract.Errorf(vzcontract.ErrOutputLost, "write stdout: %w", syscall.ENOSPC), []string{"write stdout: no space left on device"}},
		{errors.New("write /sys/fs/cgroup/x: no space left on device"), []string{"write /sys/fs/cgroup/x: no space left on device"}},
	}
	for _, tt := range tests {
		if got := lines(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("lines(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
