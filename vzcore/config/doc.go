// Package config describes one virtual machine as plain data that any driver on
// any system can be given. It is JSON, has no behaviour but defaults and
// validation, and builds everywhere.
package config
