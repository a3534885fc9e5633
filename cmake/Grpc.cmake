# gRPC, as the distribution has it. In Debian 13 its package asks pkg-config for re2, which then walks
# abseil's modules for half a minute; the library itself is all that gRPC is linked with.
find_library(re2_library re2)
if(re2_library AND NOT TARGET re2::re2)
  add_library(re2::re2 INTERFACE IMPORTED)
  target_link_libraries(re2::re2 INTERFACE ${re2_library})
  set(re2_FOUND TRUE)
endif()
find_package(gRPC CONFIG REQUIRED)
