//go:build linux

package userdb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

const passwd = `root:x:0:0:root:/root:/bin/sh
# comment:x:7:7::/:
www-data:x:33:33:www:/var/www:/usr/sbin/nologin

bad:x:notanumber:0::/:
minus:x:-5:0::/:
huge:x:4294967296:0::/:
short:x
1000:x:77:78::/numeric:
nohome:x:40:40
`

const group = `root:x:0:
adm:x:4:root,www-data
www-data:x:33:
audio:x:29:www-data,other
bad:x:x:www-data
`

func TestLookup(t *testing.T) {
	tests := []struct {
		user   string
		groups []string
		want   User
		err    string
	}{
		{user: "", want: User{Home: "/root", Groups: []uint32{4}}},
		{user: "0:0", want: User{Home: "/root"}},
		{user: "www-data", want: User{UID: 33, GID: 33, Groups: []uint32{4, 29}, Home: "/var/www"}},
		{user: "33", want: User{UID: 33, GID: 33, Groups: []uint32{4, 29}, Home: "/var/www"}},
		{user: "33:audio", want: User{UID: 33, GID: 29, Home: "/var/www"}},
		{user: "33:", want: User{UID: 33, GID: 33, Groups: []uint32{4, 29}, Home: "/var/www"}},
		{user: ":audio", want: User{GID: 29, Home: "/root"}},
		{user: "1000", want: User{UID: 77, GID: 78, Home: "/numeric"}},
		{user: "4242", want: User{UID: 4242, Home: "/"}},
		{user: "4242:100", groups: []string{"adm", "5", "5"}, want: User{UID: 4242, GID: 100, Groups: []uint32{4, 5}, Home: "/"}},
		{user: "nohome", want: User{UID: 40, GID: 40, Home: "/"}},
		{user: "2147483647", want: User{UID: 2147483647, Home: "/"}},
		{user: "2147483648", err: "ids go from 0"},
		{user: "4294967295", err: "ids go from 0"},
		{user: "-1", err: `user "-1" is not in the image's /etc/passwd`},
		{user: "nobody", err: `user "nobody" is not in the image's /etc/passwd`},
		{user: "minus", err: "not in the image's"},
		{user: "huge", err: "not in the image's"},
		{user: "0:nogroup", err: `group "nogroup" is not in the image's /etc/group`},
		{user: "0", groups: []string{"bad"}, err: `group "bad"`},
	}
	root := rootWith(t, map[string]string{"passwd": passwd, "group": group})
	for _, tt := range tests {
		t.Run(tt.user, func(t *testing.T) {
			got, err := Lookup(root, tt.user, tt.groups)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				require.ErrorIs(t, err, vzcontract.ErrValidation)
				return
			}
			require.NoError(t, err)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("Lookup(%q): %s", tt.user, d)
			}
		})
	}
}

func TestLookupWithoutFiles(t *testing.T) {
	got, err := Lookup(t.TempDir(), "7:8", nil)
	require.NoError(t, err)
	require.Equal(t, User{UID: 7, GID: 8, Home: "/"}, got)
	_, err = Lookup(t.TempDir(), "nginx", nil)
	require.ErrorContains(t, err, "nginx")
}

func TestLookupHostileFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "passwd")
	require.NoError(t, os.WriteFile(outside, []byte("secret:x:1:1::/:\n"), 0o644))

	link := rootWith(t, nil)
	require.NoError(t, os.Symlink(outside, filepath.Join(link, "etc/passwd")))
	_, err := Lookup(link, "secret", nil)
	require.ErrorContains(t, err, "not in the image's", "a link led out of the root")

	inside := rootWith(t, map[string]string{"real": "app:x:5:6::/app:\n"})
	require.NoError(t, os.Symlink("/etc/real", filepath.Join(inside, "etc/passwd")))
	got, err := Lookup(inside, "app", nil)
	require.NoError(t, err)
	require.Equal(t, User{UID: 5, GID: 6, Home: "/app"}, got)

	fifo := rootWith(t, nil)
	require.NoError(t, unix.Mkfifo(filepath.Join(fifo, "etc/passwd"), 0o644))
	_, err = Lookup(fifo, "0", nil)
	require.ErrorIs(t, err, vzcontract.ErrValidation)

	big := rootWith(t, map[string]string{"group": strings.Repeat("x", maxFile+1)})
	_, err = Lookup(big, "0", nil)
	require.ErrorContains(t, err, "larger than")
}

func rootWith(t *testing.T, etc map[string]string) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	for name, data := range etc {
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc", name), []byte(data), 0o644))
	}
	return root
}

func FuzzLookup(f *testing.F) {
	f.Add(passwd, group, "www-data:audio")
	f.Add("a:b:1:2", "::::,,,", "1:")
	f.Fuzz(func(t *testing.T, passwd, group, user string) {
		u, err := lookup(parsePasswd([]byte(passwd)), parseGroup([]byte(group)), user, []string{"adm"})
		if err != nil {
			require.ErrorIs(t, err, vzcontract.ErrValidation)
			return
		}
		if u.UID > maxID || u.GID > maxID || !strings.HasPrefix(u.Home, "/") {
			t.Errorf("lookup(%q) = %+v", user, u)
		}
	})
}
