package images

import (
	"bytes"
	_ "embed" // the recipe
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

//go:embed recipe.sh
var recipe string

// version changes when the images change though the recipe does not.
const version = "2"

// DebianImages are the tags of the layout that [Debian] returns.
var DebianImages = []string{"gzip", "zstd", "five", "whiteouts", "nginx", "redis", "postgres"}

// DebianPrograms are what [Debian] needs on PATH.
var DebianPrograms = []string{"debootstrap", "unshare", "mount", "zstd"}

// Debian returns an OCI layout in cache with the images [DebianImages]: Debian
// as one layer of gzip, one of zstd, five of gzip, with deleted files, and with
// one daemon each. Making it takes a minute and needs root and a mirror.
func Debian(cache string) (dir string, err error) {
	from := mirror("/etc/apt")
	settings, err := json.Marshal(daemons)
	if err != nil {
		return "", err
	}
	return cached(cache, "debian", []string{version, recipe, suite, from, string(settings)}, func(dir string) (err error) {
		work, err := os.MkdirTemp("", "e2e")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
		if err := cook(work, from); err != nil {
			return err
		}
		return writeDebian(dir, work)
	})
}

// cook runs the recipe in namespaces of its own.
func cook(dir, mirror string) error {
	script := filepath.Join(dir, "recipe.sh")
	if err := os.WriteFile(script, []byte(recipe), 0o600); err != nil {
		return err
	}
	var log bytes.Buffer
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", script, dir, mirror, suite)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Run(); err != nil {
		text := log.Bytes()
		return fmt.Errorf("make Debian's root from %s: %w: …%s", mirror, err, text[max(0, len(text)-1000):])
	}
	return nil
}

func writeDebian(dir, work string) error {
	l, err := newLayout(dir)
	if err != nil {
		return err
	}
	base, err := walk(filepath.Join(work, "base"))
	if err != nil {
		return err
	}
	config := Config{Env: []string{pathEnv}, Cmd: []string{"bash"}}
	gzip, err := l.layer(base, "gzip")
	if err != nil {
		return err
	}
	zstd, err := l.layer(base, "zstd")
	if err != nil {
		return err
	}
	var five []layer
	for _, part := range split(base, 5) {
		y, err := l.layer(part, "gzip")
		if err != nil {
			return err
		}
		five = append(five, y)
	}
	add := func(tag string, config Config, layers ...layer) {
		d, imageErr := l.image(runtime.GOARCH, config, layers...)
		err = errors.Join(err, imageErr)
		l.tag(d, tag)
	}
	add("gzip", config, gzip)
	add("zstd", config, zstd)
	add("five", config, five...)
	for _, name := range []string{"whiteouts", "nginx", "redis", "postgres"} {
		files, walkErr := walk(filepath.Join(work, name))
		if walkErr != nil {
			return walkErr
		}
		upper, layerErr := l.layer(files, "gzip")
		if layerErr != nil {
			return layerErr
		}
		own, daemon := daemons[name]
		if !daemon {
			own = config
		}
		add(name, own, gzip, upper)
	}
	return errors.Join(err, l.finish())
}
