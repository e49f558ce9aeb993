package ipsw

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"howett.net/plist"

	"vz.internal/vzcontract"
)

// VirtualMac is the model that a restore image for guests names in its manifest.
const VirtualMac = "VirtualMac2,1"

// maxManifest bounds what is read of an image's manifest; Apple's have 3 MB.
const maxManifest = 64 << 20

// An Image is what a restore image says of itself.
type Image struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`    // bytes
	Version string `json:"version"` // of macOS, such as 15.6.1
	Build   string `json:"build"`   // such as 24G90
}

// Open reads what the restore image at path says of itself. A file that is cut off, no
// restore image, or one that guests cannot be installed from is an error that matches
// vzcontract.ErrValidation; a missing one matches vzcontract.ErrNotFound.
func Open(path string) (Image, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Image{}, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no restore image %s", path)
	}
	if err != nil {
		return Image{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Image{}, err
	}
	if !info.Mode().IsRegular() {
		return Image{}, vzcontract.Errorf(vzcontract.ErrValidation, "%s is no file", path)
	}
	img := Image{Path: path, Size: info.Size()}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		return img, vzcontract.Errorf(vzcontract.ErrValidation, "%s is no restore image, or cut off: %v", path, err)
	}
	return img, img.describe(archive)
}

// describe reads the archive's manifest.
func (img *Image) describe(archive *zip.Reader) error {
	const name = "BuildManifest.plist"
	f, err := archive.Open(name)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s is an archive, but no restore image: it has no %s", img.Path, name)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(text) > maxManifest {
		err = fmt.Errorf("it is larger than %d bytes", maxManifest)
	}
	if err == nil && !bytes.HasPrefix(text, []byte("<?xml")) {
		// Apple's are. A binary one can be small and take all memory.
		err = errors.New("it is no XML")
	}
	var manifest struct {
		Version string   `plist:"ProductVersion"`
		Build   string   `plist:"ProductBuildVersion"`
		Models  []string `plist:"SupportedProductTypes"`
	}
	if err == nil {
		_, err = plist.Unmarshal(text, &manifest)
	}
	if err == nil && (manifest.Version == "" || manifest.Build == "") {
		err = errors.New("it names no version")
	}
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s: read %s: %v", img.Path, name, err)
	}
	for _, model := range manifest.Models {
		if model == VirtualMac {
			img.Version, img.Build = manifest.Version, manifest.Build
			return nil
		}
	}
	return vzcontract.Errorf(vzcontract.ErrValidation, "%s is a restore image for %q, not for virtual machines (%s)", img.Path, manifest.Models, VirtualMac)
}
