//go:build linux

package program

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestFind(t *testing.T) {
	root := t.TempDir()
	write := func(name, data string, mode os.FileMode) {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(data), mode))
	}
	elf := func(class, machine string) string {
		return "\x7fELF" + class + "\x01\x01" + string(make([]byte, 9)) + "\x02\x00" + machine + string(make([]byte, 60))
	}
	native := string([]byte{byte(nativeMachine & 0xff), byte(nativeMachine >> 8)})
	compat := string([]byte{byte(compatMachine & 0xff), byte(compatMachine >> 8)})
	write("bin/native", elf("\x02", native), 0o755)
	write("bin/compat", elf("\x01", compat), 0o755)
	write("bin/foreign", elf("\x02", "\x08\x00"), 0o755)
	write("bin/plain", "echo hi\n", 0o755)
	write("bin/empty", "", 0o755)
	write("bin/data", "x", 0o644)
	write("usr/bin/data", elf("\x02", native), 0o755)
	write("bin/script", "#! /bin/native -x\n", 0o755)
	write("bin/lost", "#!/no/such\n", 0o755)
	write("bin/loop", "#!/bin/loop\n", 0o755)
	write("work/tool", elf("\x02", native), 0o755)
	require.NoError(t, os.Symlink("/bin/native", filepath.Join(root, "bin/link")))
	require.NoError(t, os.Symlink("../../../../../../bin/native", filepath.Join(root, "bin/up")))

	const noSuch = "no such file or directory"
	tests := []struct {
		name, cwd string
		want      Kind
		err       string
		class     error
	}{
		{name: "native", want: Native},
		{name: "/bin/native", want: Native},
		{name: "compat", want: Compat},
		{name: "foreign", want: Foreign},
		{name: "plain", want: Unknown},
		{name: "empty", want: Unknown},
		{name: "script", want: Native},
		{name: "link", want: Native},
		{name: "up", want: Native},
		{name: "./tool", cwd: "/work", want: Native},
		{name: "data", want: Native}, // not executable in the first directory
		{name: "none", err: `exec "none": executable file not found in $PATH`, class: vzcontract.ErrNoSuchProgram},
		{name: "/bin/none", err: `exec "/bin/none": ` + noSuch, class: vzcontract.ErrNoSuchProgram},
		{name: "/bin/native/x", err: `exec "/bin/native/x": not a directory`, class: vzcontract.ErrNoSuchProgram},
		{name: "/bin/data", err: `exec "/bin/data": permission denied`, class: vzcontract.ErrCannotExec},
		{name: "/bin", err: `exec "/bin": is a directory`, class: vzcontract.ErrCannotExec},
		{name: "lost", err: `exec "lost": interpreter /no/such: ` + noSuch, class: vzcontract.ErrNoSuchProgram},
		{name: "loop", err: `exec "loop": too many levels of symbolic links`, class: vzcontract.ErrCannotExec},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Find(Query{Root: root, Name: tt.name, Env: []string{"PATH=/bin:/usr/bin"}, Cwd: tt.cwd})
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				require.ErrorIs(t, err, tt.class)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}
