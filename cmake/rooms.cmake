# dsn_room(NAME [PREFIX names...] [ROOMS lower...] [LIBS imported...]): the static library of src/NAME.
function(dsn_room name)
  cmake_parse_arguments(R "" "" "PREFIX;ROOMS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${R_ROOMS} ${R_LIBS})
endfunction()

# dsn_program(BINARY FOLDER [PREFIX names...] ROOMS ... [LIBS ...]): a program of src/FOLDER.
function(dsn_program binary folder)
  cmake_parse_arguments(R "" "" "PREFIX;ROOMS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.c)
  add_executable(${binary} ${sources})
  target_link_libraries(${binary} PRIVATE ${R_ROOMS} ${R_LIBS})
  install(TARGETS ${binary} RUNTIME DESTINATION bin)
endfunction()
