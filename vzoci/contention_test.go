package vzoci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

// While others pull, prune and remove, what a lease holds is there until it is
// released.
func TestLeasesHold(t *testing.T) {
	r := registrytest.New(t)
	shared := registrytest.Gzip(t, registrytest.Tar(t, "shared", "s"))
	for _, name := range []string{"a", "b"} {
		r.AddImage(t, name, "v1", registrytest.ImageOptions{}, shared, registrytest.Gzip(t, registrytest.Tar(t, "own", name)))
	}
	dir := t.TempDir()
	const rounds = 25
	var users, removers errgroup.Group
	for worker := range 4 {
		s, ref := open(t, dir), r.Host()+"/"+string("ab"[worker%2])+":v1"
		users.Go(func() error {
			for round := range rounds {
				owner := fmt.Sprintf("c%d-%d", worker, round)
				root, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: ref, Owner: owner, Platform: "linux/amd64"})
				if err != nil {
					return err
				}
				for i, file := range []string{"own", "shared"} {
					if _, err := os.Stat(filepath.Join(root.Layers[i], file)); err != nil {
						return fmt.Errorf("%s: %w", owner, err)
					}
				}
				if err := s.ReleaseRootFS(t.Context(), owner); err != nil {
					return err
				}
			}
			return nil
		})
	}
	done := make(chan struct{})
	for range 2 {
		s := open(t, dir)
		removers.Go(func() error {
			for {
				select {
				case <-done:
					return nil
				default:
				}
				if _, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{All: true}); err != nil {
					return err
				}
				_, err := s.RemoveImage(t.Context(), r.Host()+"/a:v1", vzcontract.RemoveImageOptions{})
				if err != nil && !errors.Is(err, vzcontract.ErrNotFound) && !errors.Is(err, vzcontract.ErrConflict) {
					return err
				}
			}
		})
	}
	err := users.Wait()
	close(done)
	if err := errors.Join(err, removers.Wait()); err != nil {
		t.Fatal(err)
	}
	intact(t, open(t, dir))
}
