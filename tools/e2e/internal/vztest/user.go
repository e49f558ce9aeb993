package vztest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"vz.internal/tools/e2e/internal/need"
)

// A User is somebody who is not root. The host does not know of such a user: the
// commands see files of the test's own in the places of /etc/passwd and /etc/subuid.
type User struct {
	UID int
	// Subids is the first of 65536 ids that the user has besides; 0 is none.
	Subids int
}

// NewAs is [New] for a user who is not root. The home is the user's, and so is all that
// the commands do. Programs are those of bin, which all can execute.
func NewAs(t testing.TB, u User, bin string) *Home {
	t.Helper()
	need.Programs(t, "unshare", "setpriv", "mount")
	if u.Subids > 0 {
		need.Programs(t, "newuidmap", "newgidmap")
	}
	h := New(t)
	h.vz = filepath.Join(bin, "vz")
	etc := h.path("etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	subids := ""
	if u.Subids > 0 {
		subids = fmt.Sprintf("%d:%d:65536\n", u.UID, u.Subids)
	}
	for name, text := range map[string]string{
		"passwd": fmt.Sprintf("root:x:0:0::/root:/bin/sh\nsomebody:x:%d:%d::%s:/bin/sh\n", u.UID, u.UID, h.path("user")),
		"group":  fmt.Sprintf("root:x:0:\nsomebody:x:%d:\n", u.UID),
		"subuid": subids, "subgid": subids, "become": becoming,
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{h.Dir, h.path("user")} {
		if err := os.Chown(dir, u.UID, u.UID); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(h.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h.become = []string{"unshare", "-m", "--propagation", "private", "sh", h.path("etc/become"), strconv.Itoa(u.UID)}
	h.Env = append(h.Env, "PATH="+bin+":/usr/sbin:/usr/bin:/sbin:/bin")
	return h
}

// becoming is a script with files beside it that take the places of those in /etc. It
// gets the user and the command, which begins at home. Where only root may open /dev/net/tun, all may.
const becoming = `
dir=${0%/*} uid=$1
shift
for f in passwd group subuid subgid; do
	[ ! -e /etc/$f ] || mount --bind "$dir/$f" /etc/$f || exit 99
done
if [ -e /dev/net/tun ] && [ "$(stat -c %a /dev/net/tun)" != 666 ]; then
	{ mknod -m 666 "$dir/tun" c 10 200 2>/dev/null || [ -e "$dir/tun" ]; } && mount --bind "$dir/tun" /dev/net/tun || exit 99
fi
cd "${dir%/*}/user"
exec setpriv --reuid $uid --regid $uid --clear-groups "$@"`

// Program returns another command that the home's user runs, not yet started. It is
// killed when it hangs.
func (h *Home) Program(args ...string) *exec.Cmd {
	args = append(h.become[:len(h.become):len(h.become)], args...)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	h.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = h.Environ()
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
