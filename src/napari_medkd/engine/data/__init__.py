"""From cases on disk to batches on the device."""
