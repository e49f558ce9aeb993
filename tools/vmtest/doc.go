// Package vmtest boots guests for tests: the kernel that kernel/kernel.sh has
// built, with an initramfs of the agent of this work tree, under QEMU. A test whose
// needs are not met is skipped with the missing thing named, or fails where
// VZ_REQUIRE lists "qemu". With VZ_VMTEST=all those that take many minutes run too.
// What depends on the guest's architecture runs for both, x86_64 and arm64, or for
// those in VZ_VMTEST_ARCH.
package vmtest
