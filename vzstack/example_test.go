package vzstack_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"vz.internal/vzcontract/fake"
	"vz.internal/vzstack"
	"vz.internal/vzstack/compose"
)

const file = `
name: hello
services:
  web: {image: "vz:builtin", command: sleep 60, init: true}
  client: {image: "vz:builtin", command: sleep 60, init: true, depends_on: [web]}
`

// A Compose file is loaded, checked and run on a backend.
func Example() {
	dir, err := os.MkdirTemp("", "stack")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(file), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	p, err := compose.Load(ctx, compose.Source{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	backend := fake.New() // or vzlinuxnative.Open
	stack := vzstack.New(vzstack.Config{Backend: backend, Images: backend, Home: dir})
	result, err := stack.Up(ctx, p, vzstack.UpOptions{Wait: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range result.Containers {
		fmt.Println(c.Name, c.State)
	}
	if _, err := stack.Down(ctx, p.Name, p, vzstack.DownOptions{}); err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// hello-web-1 running
	// hello-client-1 running
}
