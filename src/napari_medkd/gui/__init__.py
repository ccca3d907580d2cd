"""The viewer's side: five docks, reader, writer, sample. Knows napari and Qt; never torch, a method or the engine."""
