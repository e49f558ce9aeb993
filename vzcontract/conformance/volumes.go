package conformance

import (
	"slices"

	"vz.internal/vzcontract"
)

var volumeChecks = []check{
	{name: "volume-crud", feature: vzcontract.FeatureVolumes, run: volumeCRUD},
	{name: "volume-shared", feature: vzcontract.FeatureVolumes, run: volumeShared},
	{name: "volume-copies-image", feature: vzcontract.FeatureVolumes, run: volumeCopies},
	{name: "volume-in-use", feature: vzcontract.FeatureVolumes, run: volumeInUse},
	{name: "volume-anonymous", feature: vzcontract.FeatureVolumes, run: volumeAnonymous},
	{name: "volume-subpath", feature: vzcontract.FeatureVolumes, run: volumeSubpath},
	{name: "volumes-from", feature: vzcontract.FeatureVolumes, run: volumesFrom},
}

func (e *env) volumes() vzcontract.Volumes { return e.b.(vzcontract.Volumes) }

func volume(name, target string) vzcontract.Mount {
	return vzcontract.Mount{Type: vzcontract.MountVolume, Source: name, Target: target}
}

func (e *env) withVolume(line string, mounts ...vzcontract.Mount) vzcontract.RunConfig {
	e.Helper()
	cfg := e.config("sh", "-c", line)
	cfg.Mounts = mounts
	return cfg
}

func volumeCRUD(e *env) {
	v := e.volumes()
	_, err := v.InspectVolume(e.ctx, "none")
	e.wantClass("inspect of a missing volume", err, vzcontract.ErrNotFound)
	e.wantClass("removal of a missing volume", v.RemoveVolume(e.ctx, "none", false), vzcontract.ErrNotFound)
	for _, bad := range []string{"a/b", "../x", "-x"} {
		_, err := v.CreateVolume(e.ctx, vzcontract.VolumeConfig{Name: bad})
		e.wantClass("create of volume "+bad, err, vzcontract.ErrValidation)
	}
	_, err = v.CreateVolume(e.ctx, vzcontract.VolumeConfig{Name: "x", Driver: "nope"})
	if err == nil {
		e.Error("create with an unknown driver succeeded")
	}
	made, err := v.CreateVolume(e.ctx, vzcontract.VolumeConfig{Name: "data", Labels: map[string]string{"k": "v"}})
	if err != nil || made.Name != "data" || made.Driver != "local" || made.Mountpoint == "" || made.Anonymous || made.CreatedAt.IsZero() {
		e.Fatalf("create = %+v, %v", made, err)
	}
	if again, err := v.CreateVolume(e.ctx, vzcontract.VolumeConfig{Name: "data"}); err != nil || again.Mountpoint != made.Mountpoint {
		e.Errorf("second create = %+v, %v, want the same volume", again, err)
	}
	if got, err := v.InspectVolume(e.ctx, "data"); err != nil || got.Labels["k"] != "v" || len(got.UsedBy) != 0 {
		e.Errorf("inspect = %+v, %v", got, err)
	}
	if list, err := v.ListVolumes(e.ctx); err != nil || len(list) != 1 || list[0].Name != "data" {
		e.Errorf("list = %+v, %v", list, err)
	}
	if err := v.RemoveVolume(e.ctx, "data", false); err != nil {
		e.Fatal(err)
	}
	if list, err := v.ListVolumes(e.ctx); err != nil || len(list) != 0 {
		e.Errorf("list after removal = %+v, %v", list, err)
	}
}

// volumeShared: a volume outlives containers and is made when first used.
func volumeShared(e *env) {
	e.output(e.withVolume("echo kept > /data/f", volume("data", "/data")))
	ro := volume("data", "/elsewhere")
	ro.ReadOnly = true
	r := e.run(e.withVolume("cat /elsewhere/f; echo x > /elsewhere/g || echo refused", ro), nil)
	if r.stdout != "kept\nrefused\n" {
		e.Errorf("the second container sees %q (stderr %q)", r.stdout, r.stderr)
	}
}

func volumeCopies(e *env) {
	if got := e.output(e.withVolume("head -n 1 /etc/group", volume("etc", "/etc"))); got != "root:x:0:\n" {
		e.Errorf("a new volume on /etc shows %q, want the image's file", got)
	}
	m := volume("bare", "/etc")
	m.NoCopy = true
	if got := e.output(e.withVolume("ls /etc/group 2> /dev/null || echo none", m)); got != "none\n" {
		e.Errorf("a volume without copy shows %q, want nothing", got)
	}
	if got := e.output(e.withVolume("echo changed > /etc/group", volume("etc", "/etc"))); got != "" {
		e.Errorf("got %q", got)
	}
	if got := e.output(e.withVolume("cat /etc/group", volume("etc", "/etc"))); got != "changed\n" {
		e.Errorf("the volume was filled a second time: %q", got)
	}
}

func volumeInUse(e *env) {
	info := e.create(e.withVolume("true", volume("data", "/data")))
	e.wantClass("removal of a volume in use", e.volumes().RemoveVolume(e.ctx, "data", false), vzcontract.ErrConflict)
	if got, err := e.volumes().InspectVolume(e.ctx, "data"); err != nil || !slices.Contains(got.UsedBy, info.ID) {
		e.Errorf("used by %v, %v, want the container", got.UsedBy, err)
	}
	if report, err := e.volumes().PruneVolumes(e.ctx, true); err != nil || len(report.Removed) != 0 {
		e.Errorf("prune = %+v, %v, want nothing removed", report, err)
	}
	e.stopHard(info.ID)
	if report, err := e.volumes().PruneVolumes(e.ctx, false); err != nil || len(report.Removed) != 0 {
		e.Errorf("prune of anonymous ones = %+v, %v, want nothing removed", report, err)
	}
	if report, err := e.volumes().PruneVolumes(e.ctx, true); err != nil || !equal(report.Removed, []string{"data"}) {
		e.Errorf("prune of all = %+v, %v, want data removed", report, err)
	}
}

func (e *env) stopHard(id string) {
	e.Helper()
	if err := e.b.Remove(e.ctx, id, vzcontract.RemoveOptions{Force: true}); err != nil {
		e.Errorf("forced remove: %v", err)
	}
}

func volumeAnonymous(e *env) {
	for _, withVolumes := range []bool{false, true} {
		info := e.create(e.withVolume("true", volume("", "/data")))
		if len(info.Mounts) != 1 || !info.Mounts[0].Anonymous || info.Mounts[0].Name == "" {
			e.Fatalf("mounts = %+v", info.Mounts)
		}
		if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{Volumes: withVolumes}); err != nil {
			e.Fatal(err)
		}
		_, err := e.volumes().InspectVolume(e.ctx, info.Mounts[0].Name)
		if withVolumes {
			e.wantClass("inspect of a volume that went with its container", err, vzcontract.ErrNotFound)
		} else if err != nil {
			e.Errorf("an anonymous volume went though nobody asked: %v", err)
		}
	}
	if report, err := e.volumes().PruneVolumes(e.ctx, false); err != nil || len(report.Removed) != 1 {
		e.Errorf("prune of anonymous ones = %+v, %v, want one removed", report, err)
	}
}

func volumeSubpath(e *env) {
	e.output(e.withVolume("mkdir /data/sub; echo inner > /data/sub/f; ln -s /etc /data/out", volume("data", "/data")))
	m := volume("data", "/x")
	m.Subpath = "sub"
	if got := e.output(e.withVolume("cat /x/f", m)); got != "inner\n" {
		e.Errorf("subpath shows %q, want inner", got)
	}
	for _, bad := range []string{"../x", "sub/../../..", "missing"} {
		m.Subpath = bad
		cfg := e.withVolume("true", m)
		info, err := e.b.Create(e.ctx, cfg)
		if err == nil {
			_, err = e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{})
		}
		if err == nil {
			e.Errorf("subpath %q was accepted", bad)
		}
	}
}

func volumesFrom(e *env) {
	cfg := e.withVolume("echo x > /data/f", volume("data", "/data"))
	cfg.Name = "source"
	info := e.start(cfg)
	e.wait(info.ID)
	cfg = e.config("sh", "-c", "cat /data/f; echo y > /data/g || echo refused")
	cfg.VolumesFrom = []string{"source:ro"}
	if r := e.run(cfg, nil); r.stdout != "x\nrefused\n" {
		e.Errorf("volumes-from shows %q (stderr %q)", r.stdout, r.stderr)
	}
	cfg.VolumesFrom, cfg.Mounts = []string{"source"}, []vzcontract.Mount{volume("", "/data")}
	if r := e.run(cfg, nil); r.stdout != "x\n" {
		e.Errorf("a volume without a name hides that of volumes-from: %q (stderr %q)", r.stdout, r.stderr)
	}
	other := e.withVolume("true", volume("other", "/data"))
	other.Name = "other"
	e.create(other)
	for want, from := range map[string][]string{"x\n": {"other", "source"}, "none\n": {"source", "other"}} {
		cfg := e.config("sh", "-c", "cat /data/f || echo none")
		cfg.VolumesFrom = from
		if r := e.run(cfg, nil); r.stdout != want {
			e.Errorf("volumes from %q show %q, want those of the last: %q", from, r.stdout, want)
		}
	}
	// What the image has in its place does not go into another's volume.
	full := e.config("cat", "/etc/passwd")
	empty := e.config("true")
	empty.Name, empty.Mounts = "empty", []vzcontract.Mount{{Type: vzcontract.MountVolume, Source: "bare", Target: "/etc", NoCopy: true}}
	e.create(empty)
	full.VolumesFrom = []string{"empty"}
	if r := e.run(full, nil); r.stdout != "" {
		e.Errorf("the volume of another container was filled: %q", r.stdout)
	}
	cfg.VolumesFrom = []string{"nobody"}
	_, err := e.b.Create(e.ctx, cfg)
	e.wantClass("volumes from a missing container", err, vzcontract.ErrNotFound)
}
