package vzoci

import (
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// infoOf describes an image by its config. References and size are left to the
// caller.
func infoOf(id, manifest v1.Hash, c *v1.ConfigFile) vzcontract.ImageInfo {
	info := vzcontract.ImageInfo{
		ID: id.String(), Digest: manifest.String(),
		OS: c.OS, Architecture: c.Architecture, Variant: c.Variant,
		Created: c.Created.Time, Author: c.Author, Comment: commentOf(c),
		Config: configOf(&c.Config),
	}
	for _, d := range c.RootFS.DiffIDs {
		info.DiffIDs = append(info.DiffIDs, d.String())
	}
	return info
}

// commentOf returns what the last step said; OCI configs have no other place.
func commentOf(c *v1.ConfigFile) string {
	if len(c.History) == 0 {
		return ""
	}
	return c.History[len(c.History)-1].Comment
}

func configOf(c *v1.Config) vzcontract.ImageConfig {
	out := vzcontract.ImageConfig{
		Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, User: c.User, WorkingDir: c.WorkingDir,
		ExposedPorts: slices.Sorted(maps.Keys(c.ExposedPorts)), Volumes: slices.Sorted(maps.Keys(c.Volumes)),
		Labels: c.Labels, StopSignal: c.StopSignal, Shell: c.Shell, OnBuild: c.OnBuild,
	}
	for i, p := range out.ExposedPorts {
		if !strings.Contains(p, "/") {
			out.ExposedPorts[i] = p + "/tcp"
		}
	}
	if h := c.Healthcheck; h != nil {
		out.Health = &vzcontract.HealthCheck{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
		}
	}
	return out
}

// ociConfig is the reverse of configOf.
func ociConfig(c vzcontract.ImageConfig) v1.Config {
	out := v1.Config{
		Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, User: c.User, WorkingDir: c.WorkingDir,
		ExposedPorts: set(c.ExposedPorts), Volumes: set(c.Volumes),
		Labels: c.Labels, StopSignal: c.StopSignal, Shell: c.Shell, OnBuild: c.OnBuild,
	}
	if h := c.Health; h != nil {
		out.Healthcheck = &v1.HealthConfig{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
		}
	}
	return out
}

func set(names []string) map[string]struct{} {
	if len(names) == 0 {
		return nil
	}
	m := make(map[string]struct{}, len(names))
	for _, n := range names {
		m[n] = struct{}{}
	}
	return m
}

// named returns the description of an image with its names out of refs.
func named(img store.Image, refs []store.Ref) vzcontract.ImageInfo {
	info := img.Info
	for _, r := range refs {
		if r.Image != img.ID() {
			continue
		}
		ref, err := reference.Parse(r.Name)
		if err != nil {
			continue // Verify tells
		}
		if r.ByDigest() {
			info.RepoDigests = append(info.RepoDigests, ref.Familiar())
		} else {
			info.References = append(info.References, ref.Familiar())
		}
	}
	slices.Sort(info.References)
	return info
}
