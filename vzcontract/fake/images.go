package fake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
	"vz.internal/vzcontract/fake/internal/tree"
)

// An image is its description and files.
type image struct {
	Info   vzcontract.ImageInfo `json:"info"`
	Files  *store               `json:"files"`
	Serial int                  `json:"serial"`
}

// Builtin is the image that is always there, as in every backend.
const Builtin = "vz:builtin"

// registry is what can be pulled: all hold the same programs.
var registry = []string{
	"busybox:latest", "busybox:1.36", "alpine:latest", "alpine:3.20", "debian:latest", "debian:12",
	"registry.example/team/app:v1",
}

// normal gives a reference its familiar form with a tag.
func normal(ref string) string {
	ref = strings.TrimPrefix(ref, "docker.io/")
	ref = strings.TrimPrefix(ref, "library/")
	if at := strings.LastIndex(ref, "/"); !strings.Contains(ref[at+1:], ":") && !strings.Contains(ref, "@") {
		ref += ":latest"
	}
	return ref
}

func validRef(ref string) bool {
	return ref != "" && !strings.ContainsAny(ref, " \t\n\\") && strings.ToLower(ref) == ref ||
		vzcontract.ValidName(strings.TrimPrefix(ref, "sha256:"))
}

// newImage builds the image that all references of the registry hold.
func newImage(cfg vzcontract.ImageConfig, files *tree.Mem, created time.Time) *image {
	img := &image{Files: &store{files}, Info: vzcontract.ImageInfo{
		OS: "linux", Architecture: "amd64", Created: created, Size: files.Size(), Config: cfg,
	}}
	// The id follows from the content, as it does for a real image.
	content, err := json.Marshal(struct {
		Config  vzcontract.ImageConfig
		Files   map[string]tree.Node
		Created time.Time
	}{cfg, files.Nodes(), created})
	if err != nil {
		panic("fake: image does not marshal: " + err.Error())
	}
	img.Info.ID = digest("config", content)
	img.Info.Digest = digest("manifest", content)
	img.Info.DiffIDs = []string{digest("layer", content)}
	return img
}

func digest(kind string, content []byte) string {
	sum := sha256.Sum256(append([]byte(kind+"\n"), content...))
	return "sha256:" + hex.EncodeToString(sum[:])
}

var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func stockImage() *image {
	m := tree.NewMem()
	put := func(p string, n tree.Node) {
		n.ModTime = epoch
		if err := m.Put(p, n); err != nil {
			panic("fake: stock image: " + err.Error())
		}
	}
	put("/", tree.Node{Mode: fs.ModeDir | 0o755})
	for _, dir := range []string{"/bin", "/dev", "/etc", "/home", "/home/app", "/proc", "/root", "/sys", "/tmp", "/usr", "/usr/bin", "/var", "/var/log"} {
		put(dir, tree.Node{Mode: fs.ModeDir | 0o755})
	}
	put("/tmp", tree.Node{Mode: fs.ModeDir | fs.ModeSticky | 0o777})
	put("/home/app", tree.Node{Mode: fs.ModeDir | 0o755, UID: 1000, GID: 1000})
	for _, name := range sim.Programs() {
		put("/bin/"+name, tree.Node{Mode: 0o755, Data: []byte("a program of the fake backend\n")})
	}
	put("/etc/passwd", tree.Node{Mode: 0o644, Data: []byte(
		"root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\napp:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")})
	put("/etc/group", tree.Node{Mode: 0o644, Data: []byte(
		"root:x:0:\ndaemon:x:1:\naudio:x:29:app\napp:x:1000:\nnogroup:x:65534:\n")})
	cfg := vzcontract.ImageConfig{Cmd: []string{"sh"}, Env: []string{"PATH=" + defaultPath}}
	return newImage(cfg, m, epoch)
}

// pull applies the policy and returns the image, under the lock.
func (b *Backend) pull(ref string, policy vzcontract.PullPolicy, platform string) (*image, error) {
	switch policy {
	case "", vzcontract.PullMissing, vzcontract.PullAlways, vzcontract.PullNever:
	default:
		return nil, invalid("unknown pull policy %q: known are missing, always and never", policy)
	}
	if !validRef(ref) {
		return nil, invalid("invalid image reference %q", ref)
	}
	if platform != "" && !strings.HasPrefix(platform, "linux/") {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "image %s has no platform %s", ref, platform)
	}
	img := b.findImage(ref)
	switch {
	case img != nil && policy != vzcontract.PullAlways:
		return img, nil
	case policy == vzcontract.PullNever:
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "no such image: %s (and the pull policy is never)", ref)
	case ref == Builtin || slices.Contains(registry, normal(ref)):
		img := b.addImage(stockImage(), normal(ref))
		b.eventOf("image", "pull", normal(ref), nil)
		return img, nil
	case img != nil:
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "pull %s: no such image in the fake registry", ref)
	}
	return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "no such image: %s: neither here nor in the fake registry", ref)
}

// addImage puts an image into the store under a tag.
func (b *Backend) addImage(img *image, tag string) *image {
	if old := b.st.Images[img.Info.ID]; old != nil {
		img = old
	} else {
		img.Serial = b.serial()
		b.st.Images[img.Info.ID] = img
	}
	if tag != "" && !slices.Contains(img.Info.References, tag) {
		for _, other := range b.st.Images {
			other.Info.References = slices.DeleteFunc(slices.Clone(other.Info.References), func(r string) bool { return r == tag })
		}
		img.Info.References = append(img.Info.References, tag)
		slices.Sort(img.Info.References)
	}
	b.touch()
	return img
}

// findImage resolves a reference, a digest or an id prefix.
func (b *Backend) findImage(ref string) *image {
	for _, img := range b.st.Images {
		if slices.Contains(img.Info.References, normal(ref)) {
			return img
		}
	}
	prefix := strings.TrimPrefix(ref, "sha256:")
	var found *image
	for id, img := range b.st.Images {
		_, at, _ := strings.Cut(ref, "@")
		if at == img.Info.Digest || ref == img.Info.Digest {
			return img
		}
		if len(prefix) >= 4 && strings.HasPrefix(strings.TrimPrefix(id, "sha256:"), prefix) {
			if found != nil {
				return nil
			}
			found = img
		}
	}
	return found
}

func imageError(op, ref string, err error) error {
	return &vzcontract.Error{Op: op, Kind: "image", Name: ref, Class: classOf(err), Err: err}
}

func (img *image) info() vzcontract.ImageInfo {
	info := img.Info
	info.References = slices.Clone(info.References)
	info.Config.Labels = maps.Clone(info.Config.Labels)
	return info
}

// PullImage implements vzcontract.Images.
func (b *Backend) PullImage(ctx context.Context, ref string, opts vzcontract.PullOptions) (info vzcontract.ImageInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	err = b.once(func() error {
		policy := opts.Policy
		if policy == "" {
			policy = vzcontract.PullAlways
		}
		img, err := b.pull(ref, policy, opts.Platform)
		if err != nil {
			return imageError("pull", ref, err)
		}
		info = img.info()
		return nil
	})
	if err == nil && opts.Progress != nil {
		opts.Progress(vzcontract.PullProgress{Digest: info.Digest, Phase: "done", Done: info.Size, Total: info.Size})
	}
	return info, err
}

// ListImages implements vzcontract.Images.
func (b *Backend) ListImages(ctx context.Context) (infos []vzcontract.ImageInfo, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = b.once(func() error {
		all := slices.SortedFunc(maps.Values(b.st.Images), func(x, y *image) int { return y.Serial - x.Serial })
		for _, img := range all {
			infos = append(infos, img.info())
		}
		return nil
	})
	return infos, err
}

// InspectImage implements vzcontract.Images.
func (b *Backend) InspectImage(ctx context.Context, ref string) (info vzcontract.ImageInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	err = b.once(func() error {
		img := b.findImage(ref)
		if img == nil {
			return imageError("inspect", ref, vzcontract.Errorf(vzcontract.ErrNotFound, "no such image"))
		}
		info = img.info()
		return nil
	})
	return info, err
}

// RemoveImage implements vzcontract.Images.
func (b *Backend) RemoveImage(ctx context.Context, ref string, opts vzcontract.RemoveImageOptions) (removed []vzcontract.RemovedImage, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = b.once(func() error {
		img := b.findImage(ref)
		if img == nil {
			return imageError("remove", ref, vzcontract.Errorf(vzcontract.ErrNotFound, "no such image"))
		}
		tag := normal(ref)
		byTag := slices.Contains(img.Info.References, tag)
		if last := !byTag || len(img.Info.References) == 1; last && !opts.Force {
			for _, c := range b.st.Containers {
				if c.Info.ImageID == img.Info.ID {
					return imageError("remove", ref, vzcontract.Errorf(vzcontract.ErrConflict,
						"container %s uses it: remove that first, or force", c.Info.Name))
				}
			}
		}
		gone := img.Info.References
		if byTag {
			gone = []string{tag}
		}
		for _, r := range gone {
			removed = append(removed, vzcontract.RemovedImage{Untagged: r})
			b.eventOf("image", "untag", img.Info.ID, map[string]string{"name": r})
		}
		img.Info.References = slices.DeleteFunc(slices.Clone(img.Info.References), func(r string) bool { return slices.Contains(gone, r) })
		if len(img.Info.References) == 0 {
			delete(b.st.Images, img.Info.ID)
			removed = append(removed, vzcontract.RemovedImage{Deleted: img.Info.ID})
			b.eventOf("image", "delete", img.Info.ID, nil)
		}
		b.touch()
		return nil
	})
	return removed, err
}

// PruneImages implements vzcontract.Images.
func (b *Backend) PruneImages(ctx context.Context, opts vzcontract.PruneImagesOptions) (report vzcontract.PruneReport, err error) {
	if err := ctx.Err(); err != nil {
		return report, err
	}
	err = b.once(func() error {
		for id, img := range b.st.Images {
			used := false
			for _, c := range b.st.Containers {
				used = used || c.Info.ImageID == id
			}
			if used || len(img.Info.References) > 0 && !opts.All || !b.matches(img, opts.Filters) {
				continue
			}
			delete(b.st.Images, id)
			report.Removed, report.Freed = append(report.Removed, id), report.Freed+img.Info.Size
			b.eventOf("image", "delete", id, nil)
		}
		slices.Sort(report.Removed)
		return nil
	})
	return report, err
}

func (b *Backend) matches(img *image, filters map[string][]string) bool {
	has := func(label string) bool {
		key, value, exact := strings.Cut(label, "=")
		got, ok := img.Info.Config.Labels[key]
		return ok && (!exact || got == value)
	}
	lacks := func(label string) bool { return !has(label) }
	if slices.ContainsFunc(filters["label"], lacks) || slices.ContainsFunc(filters["label!"], has) {
		return false
	}
	for _, until := range filters["until"] {
		t, err := time.Parse(time.RFC3339, until)
		if err != nil {
			d, derr := time.ParseDuration(until)
			if derr != nil {
				return false
			}
			t = time.Now().Add(-d)
		}
		if !img.Info.Created.Before(t) {
			return false
		}
	}
	return true
}

// TagImage gives an image one more reference.
func (b *Backend) TagImage(ctx context.Context, ref, tag string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.once(func() error {
		img := b.findImage(ref)
		switch {
		case img == nil:
			return imageError("tag", ref, vzcontract.Errorf(vzcontract.ErrNotFound, "no such image"))
		case !validRef(tag):
			return imageError("tag", ref, invalid("invalid reference %q", tag))
		}
		b.addImage(img, normal(tag))
		b.eventOf("image", "tag", img.Info.ID, map[string]string{"name": normal(tag)})
		return nil
	})
}

// AddImage puts an image into the store for a test: the stock image with more
// files by absolute path and a config of its own.
func (b *Backend) AddImage(ref string, cfg vzcontract.ImageConfig, files map[string]string) error {
	img := stockImage()
	view := tree.NewView(tree.Mount{Target: "/", FS: img.Files})
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := view.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := view.Put(name, tree.Node{Mode: 0o755, Data: []byte(files[name]), ModTime: epoch}); err != nil {
			return err
		}
	}
	return b.once(func() error {
		b.addImage(newImage(cfg, img.Files.Mem, epoch), normal(ref))
		return nil
	})
}
