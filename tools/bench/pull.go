package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// pull measures pull and unpack from a registry on loopback: gzip and zstd, on
// a tmpfs and on a disk. archive is the layer's tar; "" is one that is made up.
func (b *bench) pull(vz, archive string, rounds int) (results []result, err error) {
	for _, program := range []string{"docker-registry", "skopeo", "zstd"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%w: the case pull needs it", err)
		}
	}
	address, registry, err := b.registry()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, registry.stop()) }()
	if err := b.push(address, archive); err != nil {
		return nil, err
	}
	for _, place := range []struct {
		name  string
		mount func(dir string) error
	}{{"tmpfs", mountTmpfs}, {"disk", b.mountDisk}} {
		dir := filepath.Join(b.dir, place.name)
		if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // a store
			return nil, err
		}
		if err := place.mount(dir); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, quiet("umount", "-l", dir)) }()
		for _, format := range formats {
			some, err := b.pullOne("pull-"+place.name+"-"+format, dir, address+"/bench:"+format, vz, rounds)
			if err != nil {
				return nil, err
			}
			results = append(results, some...)
		}
	}
	return results, nil
}

// push fills the registry with an image a format.
func (b *bench) push(address, archive string) error {
	if archive == "" {
		archive = filepath.Join(b.dir, "layer.tar")
		if err := writeArchive(archive); err != nil {
			return err
		}
	}
	layout := filepath.Join(b.dir, "layout")
	if err := writeLayout(layout, archive); err != nil {
		return err
	}
	for _, format := range formats {
		if err := quiet("skopeo", "copy", "-q", "--preserve-digests", "--dest-tls-verify=false", "oci:"+layout+":"+format, "docker://"+address+"/bench:"+format); err != nil {
			return err
		}
	}
	return os.RemoveAll(layout)
}

// pullOne measures one image in one place with the pullers in turn, the first
// round for warmth only.
func (b *bench) pullOne(name, base, ref, vz string, rounds int) (results []result, err error) {
	var able []puller
	defer func() {
		for _, p := range able {
			err = errors.Join(err, p.close())
		}
	}()
	for _, p := range b.pullers(vz) {
		if err := p.open(filepath.Join(base, "pull-"+p.name())); err != nil {
			fmt.Fprintf(os.Stderr, "%s without %s: %v\n", name, p.name(), err)
			continue
		}
		if err := quiet(p.pull(ref)...); err != nil {
			fmt.Fprintf(os.Stderr, "%s without %s: %v\n", name, p.name(), errors.Join(err, p.close()))
			continue
		}
		able = append(able, p)
	}
	results = make([]result, len(able))
	for range rounds {
		for i, p := range able {
			if err := p.forget(ref); err != nil {
				return nil, fmt.Errorf("%s: %w", p.name(), err)
			}
			if err := settle(base); err != nil {
				return nil, err
			}
			began := time.Now()
			err := quiet(p.pull(ref)...)
			results[i].took = append(results[i].took, time.Since(began))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name(), err)
			}
		}
	}
	for i, p := range able {
		results[i].summarize(name, p.name())
	}
	return results, nil
}
