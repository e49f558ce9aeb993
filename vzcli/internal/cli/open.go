package cli

import (
	"path/filepath"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract/fake"
)

// open makes the services of the chosen backend.
func open(g command.Globals) (*command.Services, error) {
	s, err := directories(g)
	if err != nil {
		return nil, err
	}
	if g.Backend == "fake" {
		return openFake(s)
	}
	return openBackend(g, s)
}

// openFake wires the backend of tests; its containers are only simulated.
func openFake(s *command.Services) (*command.Services, error) {
	b, err := fake.Open(filepath.Join(s.Home, "fake"))
	if err != nil {
		return nil, err
	}
	s.Backend, s.Images = b, b
	return s, nil
}
