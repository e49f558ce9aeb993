package vzcontract_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"vz.internal/vzcontract"
)

func TestHealthCheckOver(t *testing.T) {
	type check = vzcontract.HealthCheck
	image := &check{Test: []string{"CMD", "probe"}, Interval: time.Second, Timeout: 2 * time.Second, Retries: 7}
	for _, tt := range []struct {
		name          string
		h, from, want *check
	}{
		{"neither", nil, nil, nil},
		{"the image's", nil, image, image},
		{"no image's", &check{Retries: 2}, nil, &check{Retries: 2}},
		{
			"a time of its own", &check{Interval: time.Minute, Restart: true}, image,
			&check{Test: image.Test, Interval: time.Minute, Timeout: 2 * time.Second, Retries: 7, Restart: true},
		},
		{
			"a test of its own", &check{Test: []string{"NONE"}, StartPeriod: 1, StartInterval: 2}, image,
			&check{Test: []string{"NONE"}, Interval: time.Second, Timeout: 2 * time.Second, StartPeriod: 1, StartInterval: 2, Retries: 7},
		},
	} {
		if got := tt.h.Over(tt.from); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if image.Interval != time.Second {
		t.Error("the image's check was changed")
	}
}

func TestHealthCheckRestart(t *testing.T) {
	type check = vzcontract.HealthCheck
	for _, h := range []*check{nil, {}, {Test: []string{"CMD", "true"}, Restart: true}} {
		if err := h.CheckRestart(); err != nil {
			t.Errorf("%+v: %v", h, err)
		}
	}
	for _, h := range []*check{{Restart: true}, {Test: []string{"NONE"}, Restart: true}} {
		if err := h.CheckRestart(); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("%+v: %v, want a validation error", h, err)
		}
	}
}
