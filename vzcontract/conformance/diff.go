package conformance

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"

	"vz.internal/vzcontract"
)

var diffChecks = []check{
	{name: "diff", feature: vzcontract.FeatureDiff, run: diff},
	{name: "diff-unchanged", feature: vzcontract.FeatureDiff, run: diffUnchanged},
}

func diff(e *env) {
	info := e.start(e.config("sh", "-c", "echo x > /home/new; mkdir /home/dir; echo y > /home/dir/f; echo z >> /etc/passwd; rm /etc/group"))
	e.wait(info.ID)
	changes, err := e.b.(vzcontract.Differ).Diff(e.ctx, info.ID)
	if err != nil {
		e.Fatal(err)
	}
	got := map[string]vzcontract.ChangeKind{}
	for _, c := range changes {
		got[c.Path] = c.Kind
	}
	for path, want := range map[string]vzcontract.ChangeKind{
		"/home/new": vzcontract.ChangeAdded, "/home/dir": vzcontract.ChangeAdded, "/home/dir/f": vzcontract.ChangeAdded,
		"/etc/passwd": vzcontract.ChangeModified, "/etc/group": vzcontract.ChangeDeleted, "/home": vzcontract.ChangeModified,
	} {
		if got[path] != want {
			e.Errorf("diff has %q for %s, want %q: %v", got[path], path, want, changes)
		}
	}
	for path := range got {
		if strings.HasPrefix(path, "/bin/") || strings.HasPrefix(path, "/proc/") {
			e.Errorf("diff lists %s, which nobody touched", path)
		}
	}
}

func diffUnchanged(e *env) {
	info := e.create(e.config("true"))
	changes, err := e.b.(vzcontract.Differ).Diff(e.ctx, info.ID)
	if err != nil || len(changes) != 0 {
		e.Errorf("diff of a container that never ran = %v, %v", changes, err)
	}
}

var commitChecks = []check{
	{name: "export", feature: vzcontract.FeatureCommit, run: export},
	{name: "commit", feature: vzcontract.FeatureCommit, run: commit},
	{name: "commit-invalid", feature: vzcontract.FeatureCommit, run: commitInvalid},
}

func export(e *env) {
	info := e.start(e.config("sh", "-c", "echo mine > /root/mark; rm /etc/group"))
	e.wait(info.ID)
	var buf bytes.Buffer
	if err := e.b.(vzcontract.Committer).Export(e.ctx, info.ID, &buf); err != nil {
		e.Fatal(err)
	}
	found := map[string]string{}
	t := tar.NewReader(&buf)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			e.Fatal(err)
		}
		text, err := io.ReadAll(t)
		if err != nil {
			e.Fatal(err)
		}
		found[strings.Trim(strings.TrimPrefix(h.Name, "./"), "/")] = string(text)
	}
	if found["root/mark"] != "mine\n" || !strings.HasPrefix(found["etc/passwd"], "root:") {
		e.Errorf("export has root/mark %q and etc/passwd %q", found["root/mark"], found["etc/passwd"])
	}
	if _, ok := found["etc/group"]; ok {
		e.Error("export has the removed etc/group")
	}
}

// needImages skips where a commit cannot be run afterwards.
func (e *env) needImages() {
	e.Helper()
	if why := e.lacks(vzcontract.FeatureImages); why != "" {
		e.Skip(why)
	}
}

// commit makes an image of a container and runs it with its new settings.
func commit(e *env) {
	e.needImages()
	info := e.start(e.config("sh", "-c", "echo kept > /root/mark; rm /etc/group"))
	e.wait(info.ID)
	img, err := e.b.(vzcontract.Committer).Commit(e.ctx, info.ID, vzcontract.CommitOptions{
		Ref: "conformance/commit:v1", Author: "a", Comment: "c", Changes: []string{
			`ENTRYPOINT ["echo","entry"]`, `CMD ["one","two"]`, `ENV GREETING="hello" WHERE=/tmp`, "WORKDIR $WHERE", "USER app", "LABEL kind=test",
			"EXPOSE 80", "STOPSIGNAL SIGINT",
		},
	})
	if err != nil {
		e.Fatal(err)
	}
	if img.Author != "a" || img.Comment != "c" || !strings.HasPrefix(img.ID, "sha256:") {
		e.Errorf("image = %+v", img)
	}
	of := func(args ...string) vzcontract.RunConfig {
		return vzcontract.RunConfig{Image: "conformance/commit:v1", Args: args, NetworkMode: "none", Pull: vzcontract.PullNever}
	}
	for want, cfg := range map[string]vzcontract.RunConfig{"entry one two\n": of(), "entry mine\n": of("mine")} {
		if got := e.output(cfg); got != want {
			e.Errorf("run of the image with %q = %q, want %q", cfg.Args, got, want)
		}
	}
	cfg := of()
	cfg.Entrypoint = []string{"sh", "-c", "cat /etc/group 2> /dev/null || echo gone; echo $GREETING; pwd; id -u"}
	if got := e.output(cfg); got != "gone\nhello\n/tmp\n1000\n" {
		e.Errorf("inside the image: %q", got)
	}
	made := e.create(of())
	if made.Labels["kind"] != "test" || made.ImageID != img.ID || made.Config.StopSignal != "SIGINT" {
		e.Errorf("container of the image: labels %v, image %s, stop signal %q", made.Labels, made.ImageID, made.Config.StopSignal)
	}
	_, err = e.b.(vzcontract.Images).RemoveImage(e.ctx, "conformance/commit:v1", vzcontract.RemoveImageOptions{})
	e.wantClass("removal of an image in use", err, vzcontract.ErrConflict)
}

func commitInvalid(e *env) {
	e.needImages()
	info := e.create(e.config("true"))
	for _, change := range []string{"RUN echo x", "ENTRYPOINT", "STOPSIGNAL NOPE", "NOPE x"} {
		_, err := e.b.(vzcontract.Committer).Commit(e.ctx, info.ID, vzcontract.CommitOptions{Changes: []string{change}})
		e.wantClass("commit with change "+change, err, vzcontract.ErrValidation)
	}
	_, err := e.b.(vzcontract.Committer).Commit(e.ctx, info.ID, vzcontract.CommitOptions{Ref: "Not A Ref"})
	e.wantClass("commit to an invalid reference", err, vzcontract.ErrValidation)
}
