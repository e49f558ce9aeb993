package peer

import (
	"errors"
	"fmt"
	"os/exec"
)

// PodmanPrograms are what [Podman] needs on PATH.
var PodmanPrograms = []string{"podman", "runc", "conmon", "unshare", "skopeo"}

// Podman returns podman with its state in dir, with runc: crun refuses hosts
// that have cgroups of both versions.
func Podman(dir string) (*Peer, error) {
	p := &Peer{
		Name: "podman",
		prefix: []string{
			"env", "PODMAN_IGNORE_CGROUPSV1_WARNING=1", // one of podman 5 in every answer
			"podman", "--root", dir + "/root", "--runroot", dir + "/run", "--tmpdir", dir + "/tmp",
			"--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "runc",
		},
		// Podman raises limits, which a host without CAP_SYS_RESOURCE refuses.
		run: []string{"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"},
	}
	p.stop = func() error {
		// Its storage mounts itself.
		if out, err := exec.Command("umount", "-l", "--quiet", dir+"/root/overlay").CombinedOutput(); err != nil && len(out) > 0 {
			return fmt.Errorf("unmount podman's storage: %w: %s", err, out)
		}
		return nil
	}
	r, err := p.do("", "info")
	if err == nil && r.Code != 0 {
		err = errors.New(r.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("podman info: %w", err)
	}
	return p, nil
}
