//go:build linux

package e2e

const mounts = `grep -v -E "^[^ ]+ (/|/etc/.*|/sys/fs/cgroup.*|/run/.*) " /proc/self/mounts | cut -d" " -f2-4 | sort`

// fileQuestions are about files, mounts and devices.
var fileQuestions = []question{
	{name: "mounts", args: sh(mounts), only: "docker", why: "podman mounts a size and order of its own", differs: []difference{
		{"docker", `^/(proc/acpi|sys/firmware) tmpfs ro,`, "vz masks with nosuid, nodev and noexec too"},
		{"docker", `^/proc/interrupts `, "masked since docker 28, Debian's is older"},
	}},
	{name: "devices", args: sh(`ls -ln /dev /dev/pts | awk '{print $1, $3, $4, $NF}' | sort`), only: "docker", why: "podman mounts /dev with another mode"},
	{name: "device", flags: []string{"--device", "/dev/null:/dev/nothing"}, args: sh("ls -ln /dev/nothing | cut -c1-40; echo x >/dev/nothing && echo written")},
	{name: "device read-only", flags: []string{"--device", "/dev/zero:/dev/nothing:r"}, args: sh("head -c 3 /dev/nothing | od -c; (echo x >/dev/nothing) 2>/dev/null || echo refused")},
	{name: "shm", flags: []string{"--shm-size", "32m"}, args: sh("df -k /dev/shm | tail -n 1; ls -ldn /dev/shm | cut -c1-30")},
	{name: "tmpfs", flags: []string{"--tmpfs", "/t:size=1m,mode=1770,uid=5"}, args: sh("ls -ldn /t | cut -c1-30; df -k /t | tail -n 1"), only: "docker", why: "podman does not know uid"},
	{name: "tmpfs over the image's files", flags: []string{"--tmpfs", "/data"}, args: sh("ls -lan /data | cut -c1-30"), only: "docker", why: "podman copies the files"},
	{name: "read-only root", flags: []string{"--read-only"}, args: sh("touch /x /home/app/x; touch /dev/shm/x && echo shm"), only: "docker", why: "podman mounts tmpfs over /tmp and others"},
	{name: "read-only root with tmpfs", flags: []string{"--read-only", "--tmpfs", "/tmp"}, args: sh("touch /tmp/x && echo yes")},
	{name: "volume of the image", image: "settings", flags: []string{"--entrypoint", "sh"}, args: []string{"-c", "ls -ldn /data | cut -c1-30; ls -ln /data"}},
	{name: "new volume", flags: []string{"-v", "/data"}, args: sh("ls -ldn /data | cut -c1-30; cat /data/of-image; touch /data/x")},
	{name: "volume where nothing is", flags: []string{"-v", "/new/place"}, args: sh("ls -ldn /new /new/place | cut -c1-30")},
	{name: "volume without copy", flags: []string{"--mount", "type=volume,target=/data,volume-nocopy"}, args: sh("ls /data"), only: "docker", why: "podman does not know volume-nocopy"},
	{name: "bind", flags: []string{"-v", "/etc/hostname:/host/name:ro"}, args: sh("test -s /host/name && echo there; echo x >/host/name")},
	{name: "bind by mount", flags: []string{"--mount", "type=bind,source=/etc/hostname,target=/host/name,readonly"}, args: sh("test -s /host/name && echo there; echo x >/host/name")},
	{name: "bind of what is not there", flags: []string{"--mount", "type=bind,source=/no/such/file,target=/x"}, args: sh("true")},
	{name: "files of the image", args: sh("find / -xdev -path /proc -prune -o -path /dev -prune -o -path /sys -prune -o -path '/etc/*' -prune -o -path /run -prune -o -print | sort"), only: "docker", why: "podman leaves a directory run", differs: []difference{
		{"docker", `^/\.dockerenv$`, "docker's own mark"},
	}},
	{name: "root's mode", args: sh("ls -ldn / /tmp /root /home/app /data /data/* | cut -c1-30"), only: "docker", why: "podman's root has mode 555"},
}
