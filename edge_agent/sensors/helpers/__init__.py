"""What YAML cannot say: one small module for each dialect, named by a profile's message.

Each has `decode(data, settings)`: the exact bytes of a frame and the profile's options in, Values or BadFrame out.
"""
