package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/internal/lock"
)

const (
	// Repository has all images that Image makes, each under the tag of its hash.
	Repository = "vz.local/setup"
	// Label is on these images and, as the container's own, on the containers in
	// which they are made; its value is the hash.
	Label = "vz.setup"
)

// A Request says what to run in which image. The hash covers all fields that say
// so.
type Request struct {
	// Image is the base. The hash covers its id, not its name.
	Image string
	// Platform is os/arch[/variant]; empty is the host's. In the hash.
	Platform string
	// Pull says when the base is fetched; empty is when it is missing.
	Pull vzcontract.PullPolicy
	// Commands run by `sh -c`, in order; the first that fails ends it. In the hash.
	// Without any, the outcome is the base.
	Commands []string
	// Env are "NAME=value" entries for the commands, above those of the image. They
	// do not become part of the outcome. In the hash.
	Env []string
	// User runs the commands, as in RunConfig.User; empty is the image's. In the hash.
	User string
	// Again runs the commands though their outcome is there, and replaces it.
	Again bool

	// Locks is a directory of this host, made when missing. All who share the
	// backend's state give the same one, which is $VZ_RUN/setup for the programs of
	// vz: those who want the same outcome wait there for whoever makes it, and it
	// tells makers that were killed from those at work.
	Locks string
	// Output gets what the commands write, from one goroutine at a time; nil
	// discards it.
	Output io.Writer
	// Step, when set, is called before each command, counted from 1, and with 0
	// and "" before waiting for somebody else who runs them.
	Step func(number int, command string)
	// Progress, when set, is that of the base's pull.
	Progress func(vzcontract.PullProgress)
}

// Image returns the reference of an image in which the commands have run: from
// the cache, or by running them now in a container that is removed whatever
// happens; one that is left by a process that was killed is removed by the next
// call. The network of the commands is the default bridge. A command that fails is
// an error matching vzcontract.ErrValidation with its number, text and exit code; a
// backend without images, or without Committer where there are commands, is
// vzcontract.ErrUnsupported.
//
// The caller creates containers of it with PullNever. When that fails with
// vzcontract.ErrNotFound, the image was pruned in between, and Image makes it again.
func Image(ctx context.Context, b vzcontract.RuntimeBackend, req Request) (ref string, err error) {
	images, err := ability[vzcontract.Images](b, vzcontract.FeatureImages, "images")
	if err != nil {
		return "", err
	}
	base, err := req.base(ctx, images)
	if err != nil || len(req.Commands) == 0 {
		return req.Image, err
	}
	committer, err := ability[vzcontract.Committer](b, vzcontract.FeatureCommit, "setup commands")
	if err != nil {
		return "", err
	}
	m := &maker{Request: req, backend: b, images: images, committer: committer, hash: req.hash(base.ID)}
	return m.image(ctx)
}

// base returns the base image, which is only pulled if need be.
func (r Request) base(ctx context.Context, images vzcontract.Images) (vzcontract.ImageInfo, error) {
	if r.Platform == "" && (r.Pull == "" || r.Pull == vzcontract.PullMissing) {
		if info, err := images.InspectImage(ctx, r.Image); err == nil {
			return info, nil
		}
	}
	return images.PullImage(ctx, r.Image, vzcontract.PullOptions{Policy: r.Pull, Platform: r.Platform, Progress: r.Progress})
}

// hash names the outcome.
func (r Request) hash(baseID string) string {
	text, err := json.Marshal([]any{"vz setup 1", baseID, r.Platform, r.User, r.Env, r.Commands})
	if err != nil {
		panic("setup: strings do not marshal: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func ability[T any](b vzcontract.RuntimeBackend, feature vzcontract.Feature, what string) (T, error) {
	able, ok := b.(T)
	why, missing := b.Capabilities().Missing[feature]
	if !ok && !missing {
		why = "it has none"
	}
	if !ok || missing {
		return able, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: not on backend %s: %s", what, b.BackendName(), why)
	}
	return able, nil
}

// A maker makes one image.
type maker struct {
	Request
	backend   vzcontract.RuntimeBackend
	images    vzcontract.Images
	committer vzcontract.Committer
	hash      string
}

func (m *maker) ref() string { return Repository + ":" + m.hash }

func (m *maker) image(ctx context.Context) (ref string, err error) {
	if !m.Again {
		if done, err := m.cached(ctx); done || err != nil {
			return m.ref(), err
		}
	}
	if m.Locks == "" {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "setup: no directory for locks is given")
	}
	waited := false
	unlock, err := lock.Take(ctx, m.lockFile(m.hash), func() {
		waited = true
		m.step(0, "")
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if waited || !m.Again {
		if done, err := m.cached(ctx); done || err != nil {
			return m.ref(), err
		}
	}
	if err := m.sweep(ctx); err != nil {
		return "", err
	}
	return m.ref(), m.make(ctx)
}

// cached reports whether the outcome is there.
func (m *maker) cached(ctx context.Context) (bool, error) {
	info, err := m.images.InspectImage(ctx, m.ref())
	if errors.Is(err, vzcontract.ErrNotFound) {
		return false, nil
	}
	return err == nil && info.Config.Labels[Label] == m.hash, err
}

func (m *maker) lockFile(hash string) string { return filepath.Join(m.Locks, hash+".lock") }

func (m *maker) step(number int, command string) {
	if m.Step != nil {
		m.Step(number, command)
	}
}

// Sweep removes the containers that makers have left who were killed. locks is that of
// the requests.
func Sweep(ctx context.Context, b vzcontract.RuntimeBackend, locks string) error {
	m := &maker{Request: Request{Locks: locks}, backend: b}
	return m.sweep(ctx)
}

// sweep removes the containers whose makers were killed: those of this hash,
// whose lock m has, and those whose lock nobody has.
func (m *maker) sweep(ctx context.Context) error {
	all, err := m.backend.List(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		hash, ours := c.Config.Labels[Label]
		if !ours || filepath.Base(hash) != hash {
			continue
		}
		unlock, free := func() {}, true
		if hash != m.hash {
			if unlock, free, err = lock.Try(m.lockFile(hash)); err != nil {
				return err
			}
		}
		if !free {
			continue
		}
		err := m.remove(ctx, c.ID)
		unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) remove(ctx context.Context, id string) error {
	err := m.backend.Remove(ctx, id, vzcontract.RemoveOptions{Force: true, Volumes: true})
	if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		return fmt.Errorf("remove the container of the setup: %w", err)
	}
	return nil
}
