package devfile_test

import (
	"fmt"

	"vz.internal/vzsandbox/devfile"
)

func Example() {
	f, err := devfile.Parse("vz.json", []byte(`{"image": "golang:1.26", "setup": ["apt-get update"], "ports": [8080]}`))
	fmt.Println(f.Image, f.Setup, f.Ports, f.Mounts, err)
	_, err = devfile.Parse("vz.json", []byte("{\n  \"Image\": \"golang:1.26\"\n}"))
	fmt.Println(err)
	// Output:
	// golang:1.26 [apt-get update] [8080] [{. /workspace false}] <nil>
	// vz.json:2: unknown key "Image": did you mean "image"?
}
