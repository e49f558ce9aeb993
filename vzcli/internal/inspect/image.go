package inspect

import (
	"vz.internal/vzcontract"
)

// Image is docker's document of an image.
type Image struct {
	ID           string `json:"Id"`
	RepoTags     []string
	RepoDigests  []string
	Comment      string
	Created      string
	Author       string
	Config       ImageConfig
	Architecture string
	Variant      string `json:",omitempty"`
	Os           string
	Parent       string // of none is it known
	Size         int64
	VirtualSize  int64
	RootFS       RootFS
	// Digest is vz's own: that of the manifest.
	Digest string
}

// RootFS names the layers of an image by the digest of what they hold.
type RootFS struct {
	Type   string
	Layers []string
}

// ImageConfig is what containers of the image start from.
type ImageConfig struct {
	User         string
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Env          []string
	Cmd          []string
	Healthcheck  *Healthcheck `json:",omitempty"`
	Volumes      map[string]struct{}
	WorkingDir   string
	Entrypoint   []string
	OnBuild      []string
	Labels       map[string]string
	StopSignal   string   `json:",omitempty"`
	Shell        []string `json:",omitempty"`
}

// OfImage words i.
func OfImage(i vzcontract.ImageInfo) Image {
	d := Image{
		ID: i.ID, RepoTags: orEmpty(i.References), RepoDigests: orEmpty(i.RepoDigests), Comment: i.Comment, Created: stamp(i.Created),
		Author: i.Author, Architecture: i.Architecture, Variant: i.Variant, Os: i.OS, Size: i.Size, VirtualSize: i.Size,
		RootFS: RootFS{Type: "layers", Layers: orEmpty(i.DiffIDs)}, Digest: i.Digest,
		Config: ImageConfig{
			User: i.Config.User, Env: orEmpty(i.Config.Env), Cmd: i.Config.Cmd, Healthcheck: healthcheck(i.Config.Health),
			WorkingDir: i.Config.WorkingDir, Entrypoint: i.Config.Entrypoint, OnBuild: i.Config.OnBuild,
			Labels: i.Config.Labels, StopSignal: i.Config.StopSignal, Shell: i.Config.Shell,
		},
	}
	for _, p := range i.Config.ExposedPorts {
		d.Config.ExposedPorts = add(d.Config.ExposedPorts, p)
	}
	for _, v := range i.Config.Volumes {
		d.Config.Volumes = add(d.Config.Volumes, v)
	}
	return d
}

// Volume is docker's document of a volume.
type Volume struct {
	CreatedAt  string
	Driver     string
	Labels     map[string]string
	Mountpoint string
	Name       string
	Options    map[string]string
	Scope      string
	// Anonymous is vz's own.
	Anonymous bool
}

// OfVolume words v.
func OfVolume(v vzcontract.VolumeInfo) Volume {
	return Volume{
		CreatedAt: stamp(v.CreatedAt), Driver: or(v.Driver, "local"), Labels: v.Labels, Mountpoint: v.Mountpoint, Name: v.Name,
		Options: v.Options, Scope: "local", Anonymous: v.Anonymous,
	}
}
