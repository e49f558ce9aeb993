package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the packager
	"github.com/goreleaser/nfpm/v2/files"
)

const description = `containers and virtual machines without a daemon
 vz runs containers from OCI images and Compose stacks on the kernel of the
 host, and virtual machines, with the verbs and flags of docker. Each running
 container has one small process of its own; when it ends, nothing is left
 running.`

// writeDeb writes a Debian package: the programs are static and need nothing.
func writeDeb(r *release, t target, list []file) (err error) {
	tmp, err := os.MkdirTemp("", "vz-release-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	contents, err := debContents(r, tmp, list)
	if err != nil {
		return err
	}
	scripts := filepath.Join(r.root, "packaging", "deb")
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "vz", Arch: t.arch, Platform: "linux", Version: r.version, Section: "admin", Priority: "optional",
		Maintainer: "The vz authors <vz@vz.internal>", Description: description, License: "MIT", MTime: r.time,
		Overridables: nfpm.Overridables{
			Recommends: []string{"ca-certificates"}, Suggests: []string{"qemu-system-x86", "virtiofsd"}, Contents: contents,
			Scripts: nfpm.Scripts{
				PostInstall: filepath.Join(scripts, "postinst"), PreRemove: filepath.Join(scripts, "prerm"), PostRemove: filepath.Join(scripts, "postrm"),
			},
		},
	})
	packager, err := nfpm.Get("deb")
	if err != nil {
		return err
	}
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(r.out, fmt.Sprintf("vz_%s_%s.deb", r.version, t.arch)))
	if err != nil {
		return err
	}
	return errors.Join(packager.Package(info, out), out.Close())
}

// debContents writes files with the names and forms that Debian wants below dir
// and returns where each belongs.
func debContents(r *release, dir string, list []file) (files.Contents, error) {
	var contents files.Contents
	for i, f := range list {
		to := path.Join("/usr", f.name)
		switch {
		case f.link != "":
			contents = append(contents, &files.Content{Source: f.link, Destination: to, Type: files.TypeSymlink, FileInfo: &files.ContentFileInfo{MTime: r.time}})
			continue
		case strings.HasPrefix(f.name, "lib/systemd/"):
			to = "/" + f.name
		case strings.HasPrefix(f.name, "share/man/"):
			var err error
			if f.data, err = zipped(f.data); err != nil {
				return nil, err
			}
			to += ".gz"
		case path.Base(f.name) == "LICENSE":
			to = path.Join(path.Dir(to), "copyright")
		}
		from := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(from, f.data, 0o600); err != nil {
			return nil, err
		}
		contents = append(contents, &files.Content{Source: from, Destination: to, FileInfo: &files.ContentFileInfo{Mode: f.mode, MTime: r.time, Owner: "root", Group: "root"}})
	}
	return contents, nil
}

func zipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}
